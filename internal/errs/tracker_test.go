// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package errs_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hydra-logger/hydra/internal/errs"
)

func TestTrackerCountsByKindAndKeepsTheLatest(t *testing.T) {
	var tr errs.Tracker
	t0 := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if got := tr.Snapshot(); len(got) != 0 {
		t.Errorf("new: got %v, want nothing", got)
	}
	tr.Note(t0, "write", io.ErrShortWrite)
	tr.Note(t0.Add(1), "write", fmt.Errorf("a: %w", syscall.ENOSPC))
	tr.Note(t0.Add(2), "flush", fmt.Errorf("b: %w", syscall.ENOSPC))
	tr.Note(t0.Add(3), "open", errors.New("strange"))
	tr.Note(t0.Add(4), "write", fmt.Errorf("c: %w", syscall.ENOSPC))
	tr.Note(t0.Add(5), "write", nil)

	want := []errs.Entry{
		{Kind: errs.NoSpace, Count: 3, Last: "write: c: " + syscall.ENOSPC.Error(), Time: t0.Add(4)},
		{Kind: errs.Other, Count: 1, Last: "open: strange", Time: t0.Add(3)},
		{Kind: errs.ShortWrite, Count: 1, Last: "write: short write", Time: t0},
	}
	if got := tr.Snapshot(); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestTrackerHasOneEntryPerKind(t *testing.T) {
	var tr errs.Tracker
	for e := range 2000 {
		tr.Note(time.Now(), "write", syscall.Errno(e))
		tr.Note(time.Now(), "write", fmt.Errorf("error %d", e))
	}
	s := tr.Snapshot()
	if len(s) > 16 {
		t.Errorf("got %d entries, want at most one per kind", len(s))
	}
	var n uint64
	for _, e := range s {
		n += e.Count
	}
	if n != 4000 {
		t.Errorf("got %d errors, want 4000", n)
	}
	if !slices.IsSortedFunc(s, func(a, b errs.Entry) int { return strings.Compare(a.Kind, b.Kind) }) {
		t.Errorf("not in the order of kinds: %v", s)
	}
}

func TestTrackerTextIsOneBoundedLine(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"plain", errors.New("no luck"), "write: no luck"},
		{"line breaks", errors.New("a\r\nb\u2028c\td"), "write: a  b c d"},
		{"escape sequence and bidi", errors.New("\x1b[31mred\u202e"), "write:  [31mred "},
		{"invalid UTF-8", errors.New("a\xffb"), "write: a\ufffdb"},
		{"long", errors.New(strings.Repeat("x", 5000)), "write: " + strings.Repeat("x", 512-len("write: "))},
		{"cut between runes", errors.New(strings.Repeat("é", 5000)), "write: " + strings.Repeat("é", (512-len("write: "))/2)},
		{"panicking Error", hostile{text: true}, "write: panic: in Error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tr errs.Tracker
			tr.Note(time.Now(), "write", tt.err)
			got := tr.Snapshot()[0].Last
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if !utf8.ValidString(got) || len(got) > 512 {
				t.Errorf("got %d bytes, valid %v; want at most 512 of valid UTF-8", len(got), utf8.ValidString(got))
			}
		})
	}
}

func TestTrackerCountsWhileItIsRead(t *testing.T) {
	var tr errs.Tracker
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				tr.Note(time.Now(), "write", syscall.EIO)
				if s := tr.Snapshot(); len(s) != 1 || s[0].Kind != errs.IO {
					t.Errorf("got %v, want one entry of kind %q", s, errs.IO)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := tr.Snapshot()[0].Count; got != 2000 {
		t.Errorf("got %d, want 2000", got)
	}
}
