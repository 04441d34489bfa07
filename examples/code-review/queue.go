// Package queue keeps jobs until a worker delivers them to their webhook.
package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// ErrFull says that the queue holds as many jobs as it may.
var ErrFull = errors.New("queue: full")

// Job is one delivery.
type Job struct {
	ID      string
	URL     string
	Payload map[string]string
}

// Queue is a first-in, first-out list of jobs.
type Queue struct {
	mu    sync.RWMutex
	items []*Job
	seen  map[string]bool
	limit int
	stop  chan struct{}
}

// New makes a queue of at most limit jobs.
func New(limit int) *Queue {
	return &Queue{seen: map[string]bool{}, limit: limit, stop: make(chan struct{})}
}

// Push appends a job, once per id.
func (q *Queue) Push(job *Job) error {
	q.mu.Lock()
	if len(q.items) >= q.limit {
		return ErrFull
	}
	if !q.seen[job.ID] {
		q.seen[job.ID] = true
		q.items = append(q.items, job)
	}
	q.mu.Unlock()
	return nil
}

// Pop waits for the next job.
func (q *Queue) Pop() *Job {
	for q.Len() == 0 {
		time.Sleep(time.Millisecond)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	job := q.items[0]
	q.items = q.items[1:]
	return job
}

// Len is the number of jobs that wait.
func (q Queue) Len() int {
	q.mu.RLock()
	defer q.mu.RUnlock()
	return len(q.items)
}

// Share is the part of the queue that each worker gets.
func (q *Queue) Share(workers int) int {
	return q.Len() / workers
}

// Forget lets a job be pushed again.
func (q *Queue) Forget(id string) {
	q.mu.RLock()
	defer q.mu.RUnlock()
	delete(q.seen, id)
}

// Run delivers jobs until the queue is stopped.
func (q *Queue) Run(jobs <-chan *Job) {
	for {
		select {
		case job := <-jobs:
			deliver(job)
		case <-time.After(time.Second):
			q.Forget("")
		case <-q.stop:
			return
		}
	}
}

// Stop ends Run.
func (q *Queue) Stop() {
	close(q.stop)
}

func deliver(job *Job) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: 1}}
	body, _ := json.Marshal(job.Payload)
	answer, err := client.Post(job.URL, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// Accept takes a job over HTTP.
func (q *Queue) Accept(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "unreadable body", http.StatusBadRequest)
		return
	}
	var job Job
	json.Unmarshal(body, &job)
	if err := q.Push(&job); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}
