// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hydra-logger/hydra"
)

// service answers GET /items/{id} and POST /login.
type service struct {
	log   *slog.Logger // layer default
	http  *slog.Logger // layer http, by group
	audit *slog.Logger // layer audit, by attribute
	store *store
}

func newService(log *slog.Logger) *service {
	return &service{
		log:   log,
		http:  log.WithGroup("http"),
		audit: log.With("layer", "audit"),
		store: &store{log: log.WithGroup("db")},
	}
}

// serve answers requests of its own client on a loopback port, and then stops.
func (s *service) serve(requests int) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", s.item)
	mux.HandleFunc("POST /login", s.login)
	server := &http.Server{Handler: s.logged(mux), ReadHeaderTimeout: time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	s.log.Info("listening", "address", listener.Addr().String())

	failed := send("http://"+listener.Addr().String(), requests)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = errors.Join(failed, server.Shutdown(ctx))
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// logged is the middleware: one record for each request, and attributes of the
// request on every record that is logged with its context.
func (s *service) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ctx := context.WithValue(r.Context(), traceKey{}, r.Header.Get("traceparent"))
		ctx = hydra.With(ctx, slog.String("path", r.URL.Path))
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r.WithContext(ctx))
		s.http.InfoContext(ctx, "request",
			"method", r.Method, "status", answer.status, "took", time.Since(began))
	})
}

func (s *service) item(w http.ResponseWriter, r *http.Request) {
	value, err := s.store.get(r.Context(), r.PathValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	fmt.Fprintln(w, value)
}

func (s *service) login(_ http.ResponseWriter, r *http.Request) {
	s.audit.InfoContext(r.Context(), "login", "user", r.FormValue("user"))
}

// store pretends to be a database.
type store struct{ log *slog.Logger }

func (s *store) get(ctx context.Context, id string) (string, error) {
	if len(id) > 2 {
		err := errors.New("no such item")
		s.log.WarnContext(ctx, "miss", "id", id, "error", err)
		return "", err
	}
	s.log.DebugContext(ctx, "hit", "id", id)
	return "item " + id, nil
}

// overflow logs bursts until the small queue of layer db has dropped a record,
// and returns how many that took.
func (s *store) overflow(h *hydra.Handler) (bursts int) {
	for bursts = 1; bursts < 1000; bursts++ {
		for row := range 1000 {
			s.log.Debug("scan", "burst", bursts, "row", row)
		}
		for _, d := range h.Health().Destinations {
			if d.Name == "db/0" && d.Dropped > 0 {
				return bursts
			}
		}
	}
	return bursts
}

// send sends requests from four clients at once.
func send(base string, requests int) error {
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	var clients sync.WaitGroup
	failures := make(chan error, 4)
	for c := range 4 {
		clients.Go(func() {
			for i := c; i < requests; i += 4 {
				if err := sendOne(client, base, i); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	clients.Wait()
	close(failures)
	return <-failures
}

func sendOne(client *http.Client, base string, i int) error {
	request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/items/%d", base, i), nil)
	if i%10 == 0 {
		request, err = http.NewRequest(http.MethodPost, fmt.Sprintf("%s/login?user=%d", base, i), nil)
	}
	if err != nil {
		return err
	}
	request.Header.Set("traceparent", fmt.Sprintf("00-%032x-%016x-01", i+1, i+1))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

// traceKey is where the middleware keeps a request's traceparent header.
type traceKey struct{}

func traceparent(ctx context.Context) string {
	header, _ := ctx.Value(traceKey{}).(string)
	return header
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
