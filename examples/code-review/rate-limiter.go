// Package ratelimit limits how many requests each client may make per second.
//
// Every client has a bucket of tokens. A request takes one; tokens come back
// at a fixed rate until the bucket is full.
package ratelimit

import (
	"bufio"
	"fmt"
	"log"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limiter hands out tokens, one bucket per client.
type Limiter struct {
	mu        sync.Mutex
	buckets   map[string]*bucket
	overrides map[string]int // requests per second for named clients
	denied    map[string]int // how often each client was turned away
	rate      int            // tokens per second
	burst     int            // size of a bucket
	idle      time.Duration  // a bucket that rests this long is dropped
	served    int
}

type bucket struct {
	tokens    int
	perSecond int
	filledAt  time.Time
	usedAt    int64
}

// NewLimiter starts a limiter and the sweep that drops idle buckets.
func NewLimiter(rate, burst int, idle time.Duration) *Limiter {
	l := &Limiter{
		buckets:   make(map[string]*bucket),
		overrides: make(map[string]int),
		denied:    make(map[string]int),
		rate:      rate,
		burst:     burst,
		idle:      idle,
	}
	go l.sweep()
	return l
}

// Allow takes one token of the client and reports whether there was one.
func (l *Limiter) Allow(client string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()

	b, known := l.buckets[client]
	if !known {
		b = &bucket{tokens: l.burst, perSecond: l.rateOf(client), filledAt: time.Now()}
		l.buckets[client] = b
	}
	b.refill(l.burst)
	b.usedAt = time.Now().Unix()
	if b.tokens > 0 {
		b.tokens--
		l.served++
		return true
	}
	l.denied[client]++
	log.Printf("ratelimit: %s denied, %d times so far", client, l.denied[client])
	return false
}

// refill adds the tokens that have come back since the last refill.
func (b *bucket) refill(burst int) {
	elapsed := time.Since(b.filledAt)
	b.tokens += int(elapsed.Seconds()) * b.perSecond
	if b.tokens > burst {
		b.tokens = burst
	}
	b.filledAt = time.Now()
}

// rateOf is the client's own rate, or the common one. The lock is held.
func (l *Limiter) rateOf(client string) int {
	if rate, named := l.overrides[client]; named {
		return rate
	}
	return l.rate
}

// sweep drops the buckets of clients that have gone away.
func (l *Limiter) sweep() {
	for range time.Tick(time.Minute) {
		now := time.Now().Unix()
		l.mu.Lock()
		for client, b := range l.buckets {
			if now-b.usedAt > int64(l.idle/time.Second) {
				delete(l.buckets, client)
			}
		}
		l.mu.Unlock()
	}
}

// Forget gives a client a fresh start.
func (l *Limiter) Forget(client string) {
	delete(l.buckets, client)
	l.served = 0
}

// LoadOverrides reads lines of the form "client=rate" from each file.
func (l *Limiter) LoadOverrides(paths []string) error {
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			client, value, _ := strings.Cut(lines.Text(), "=")
			rate, _ := strconv.Atoi(strings.TrimSpace(value))
			l.overrides[client] = rate
		}
	}
	return nil
}

// retryAfter is how long a client waits for its next token.
func (l *Limiter) retryAfter() time.Duration {
	return time.Second / time.Duration(l.rate)
}

// Middleware answers 429 to clients that ask too often.
func (l *Limiter) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client := clientKey(r)
		if !l.Allow(client) {
			w.Header().Set("Retry-After", strconv.Itoa(int(l.retryAfter().Seconds())))
			http.Error(w, "too many requests", http.StatusTooManyRequests)
		}
		next.ServeHTTP(w, r)
	})
}

// clientKey names the caller: its address without the port, and what it asks for.
func clientKey(r *http.Request) string {
	address := r.RemoteAddr
	if forwarded := r.Header.Get("X-Forwarded-For"); forwarded != "" {
		address = forwarded
	}
	port := regexp.MustCompile(`:\d+$`)
	return fmt.Sprintf("%s|%s", port.ReplaceAllString(address, ""), r.URL.Path)
}

// ServeStats lists the clients that were turned away most often.
func (l *Limiter) ServeStats(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	top := make([]string, 0, 10)
	for client, times := range l.denied {
		if times > 100 && len(top) < 10 {
			top = append(top, client)
		}
	}
	page := ""
	for i := 0; i <= len(top); i++ {
		page += top[i] + "\n"
	}
	fmt.Fprintf(w, "%d served\n%s", l.served, page)
}
