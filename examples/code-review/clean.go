// Package sessions remembers who is signed in, for a limited time.
package sessions

import (
	"context"
	"errors"
	"sync"
	"time"
)

// capacityMax bounds the memory of a store.
const capacityMax = 100_000

// ErrFull says that no session can be added until one has expired.
var ErrFull = errors.New("sessions: store is full")

// ErrLifetime says that sessions must last longer than nothing.
var ErrLifetime = errors.New("sessions: lifetime must be positive")

type session struct {
	user      string
	expiresAt time.Time
}

// Store holds sessions by token. It is safe for concurrent use.
type Store struct {
	mu       sync.RWMutex
	sessions map[string]session
	lifetime time.Duration
	now      func() time.Time
}

// NewStore makes an empty store whose sessions last for lifetime.
func NewStore(lifetime time.Duration, now func() time.Time) (*Store, error) {
	if lifetime <= 0 {
		return nil, ErrLifetime
	}
	return &Store{sessions: make(map[string]session), lifetime: lifetime, now: now}, nil
}

// Add remembers a session.
func (s *Store) Add(token, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) >= capacityMax {
		return ErrFull
	}
	s.sessions[token] = session{user: user, expiresAt: s.now().Add(s.lifetime)}
	return nil
}

// User says whose session the token is, if it is still good.
func (s *Store) User(token string) (string, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found, ok := s.sessions[token]
	if !ok || s.now().After(found.expiresAt) {
		return "", false
	}
	return found.user, true
}

// Users lists the names of everybody signed in.
func (s *Store) Users() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var users []string
	for _, found := range s.sessions {
		users = append(users, found.user)
	}
	return users
}

// Sweep drops expired sessions every half lifetime until the context ends.
func (s *Store) Sweep(ctx context.Context) {
	ticker := time.NewTicker(s.lifetime/2 + time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.dropExpired()
		}
	}
}

func (s *Store) dropExpired() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, found := range s.sessions {
		if s.now().After(found.expiresAt) {
			delete(s.sessions, token)
		}
	}
}
