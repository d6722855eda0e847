// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Message is the message of every record. Lines are counted by it, so that
// what a stack says about itself in the stream does not count.
const Message = "request served"

// Work is what a program asks of its logger. Each API that is measured does
// the same work in its own words.
type Work interface {
	// Message logs the message alone.
	Message()
	// Three logs three attributes.
	Three()
	// Ten logs ten attributes of ten kinds: what bool, string, … error, struct,
	// group and slice cost together.
	Ten()
	// Bound logs two attributes through a logger that was given five before.
	Bound()
	// Numbered logs record n, about 200 bytes as JSON.
	Numbered(n int)
	// Disabled makes a call below the level.
	Disabled()
}

// The values that are logged, once for every API.
var (
	startedAt = time.Date(2026, 3, 14, 15, 9, 26, 535897932, time.UTC)
	errServed = errors.New("upstream closed the connection")
	order     = struct {
		ID    int     `json:"id"`
		Item  string  `json:"item"`
		Price float64 `json:"price"`
	}{7, "lamp", 19.9}
	tags = []string{"checkout", "eu-west", "canary"}
)

const (
	method    = "GET"
	path      = "/api/v1/orders"
	longPath  = "/api/v1/customers/48213/orders/991"
	agent     = "shop/4.2"
	remote    = "192.0.2.17:48122"
	service   = "checkout"
	region    = "eu-west"
	version   = "4.2.1"
	requestID = "9f0c1a7be3d25846"
	took      = 1250 * time.Microsecond
)

// slogWork does the work through slog.
type slogWork struct {
	l, bound *slog.Logger
}

func newSlogWork(h slog.Handler) Work {
	l := slog.New(h)
	return slogWork{l: l, bound: l.With(
		slog.String("service", service),
		slog.String("region", region),
		slog.String("version", version),
		slog.String("request", requestID),
		slog.Int("shard", 3),
	)}
}

func (s slogWork) Message() { s.l.LogAttrs(context.Background(), slog.LevelInfo, Message) }

func (s slogWork) Three() {
	s.l.LogAttrs(context.Background(), slog.LevelInfo, Message,
		slog.String("method", method),
		slog.String("path", path),
		slog.Int("status", 200),
	)
}

func (s slogWork) Ten() {
	s.l.LogAttrs(context.Background(), slog.LevelInfo, Message,
		slog.String("method", method),
		slog.Int("status", 200),
		slog.Float64("load", 0.75),
		slog.Bool("cached", true),
		slog.Duration("took", took),
		slog.Time("started", startedAt),
		slog.Any("error", errServed),
		slog.Any("order", order),
		slog.Group("user", slog.String("name", "ada"), slog.Int("id", 42)),
		slog.Any("tags", tags),
	)
}

func (s slogWork) Bound() {
	s.bound.LogAttrs(context.Background(), slog.LevelInfo, Message,
		slog.String("path", path),
		slog.Int("status", 200),
	)
}

func (s slogWork) Numbered(n int) {
	s.l.LogAttrs(context.Background(), slog.LevelInfo, Message,
		slog.Int("n", n),
		slog.String("path", longPath),
		slog.String("agent", agent),
		slog.String("remote", remote),
		slog.Int("status", 200),
	)
}

func (s slogWork) Disabled() {
	s.l.LogAttrs(context.Background(), slog.LevelDebug, Message,
		slog.String("method", method),
		slog.String("path", path),
		slog.Int("status", 200),
	)
}
