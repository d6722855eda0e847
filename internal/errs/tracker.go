// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package errs

import (
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Entry is what a Tracker knows about one kind of error.
type Entry struct {
	Kind  string    // one of the constants of this package
	Count uint64    // how many were noted
	Last  string    // the latest, as "op: text": one line of at most 512 bytes
	Time  time.Time // when the latest was noted
}

// Tracker counts errors by kind and remembers the latest of each. As the kinds are
// few, it takes a bounded amount of memory whatever the errors say. Methods may
// be called from any goroutine. The zero value is empty and ready.
type Tracker struct {
	mu      sync.Mutex
	entries [len(kinds)]Entry // guarded by mu; in the order of kinds
}

// Note counts err, which happened at now during op ("write", "open", …). A nil
// err is ignored. It keeps only text, not err, and survives a panic in err's methods.
func (t *Tracker) Note(now time.Time, op string, err error) {
	if err == nil {
		return
	}
	// Foreign code runs before the mutex is taken.
	kind, text := Kind(err), oneLine(op, err)
	i := slices.Index(kinds[:], kind)

	t.mu.Lock()
	defer t.mu.Unlock()
	e := &t.entries[i]
	e.Kind, e.Last, e.Time = kind, text, now
	e.Count++
}

// Snapshot returns an entry for each kind that was noted, in the order of the
// kinds' names. The caller owns the result.
func (t *Tracker) Snapshot() []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	var s []Entry
	for _, e := range t.entries {
		if e.Count > 0 {
			s = append(s, e)
		}
	}
	return s
}

// oneLine returns "op: text of err" as valid UTF-8 without line breaks and control
// or formatting characters, cut at 512 bytes.
func oneLine(op string, err error) string {
	const limit = 512
	var b strings.Builder
	for _, r := range op + ": " + text(err) {
		if !unicode.IsPrint(r) {
			r = ' '
		}
		if b.Len()+utf8.RuneLen(r) > limit {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// text returns err.Error(), or what it panicked with.
func text(err error) (s string) {
	defer func() {
		if p := Recovered(recover()); p != nil {
			s = p.Error()
		}
	}()
	return err.Error()
}
