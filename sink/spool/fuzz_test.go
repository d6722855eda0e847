// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package spool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
)

// FuzzSegment opens a folder whose segment has any bytes, behind them two frames that
// are sound: those must come, in order, whatever stands before them.
func FuzzSegment(f *testing.F) {
	const id = 0x1122334455667788
	when := time.Unix(1e9, 0)
	good := appendFrame(nil, id, 5, when, []byte("five\nsix\n"), []int{5, 9})
	good = appendFrame(good, id, 7, when, []byte("seven\n"), []int{6})
	sound := appendFrame(nil, id, 1, when, []byte("one\ntwo\n"), []int{4, 8})
	f.Add([]byte{})
	f.Add(sound)
	f.Add(sound[:len(sound)-3])
	f.Add(sound[:20])
	f.Add(append(bytes.Clone(sound[:8]), sound...))
	f.Add(bytes.Repeat(sound[:8], 50))
	f.Add(make([]byte, 200))
	f.Add(appendFrame(nil, id, 1, when, nil, nil))
	f.Fuzz(func(t *testing.T, middle []byte) {
		dir := t.TempDir()
		segment := append(appendHeader(nil, id, 1), middle...)
		segment = append(segment, good...)
		path := filepath.Join(dir, "spool-0000000000000001.seg")
		if err := os.WriteFile(path, segment, 0o600); err != nil {
			t.Fatal(err)
		}
		var inner fault.Sink
		s := New(&inner, dir, nil)
		if err := s.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := inner.Bytes(); !bytes.HasSuffix(got, []byte("five\nsix\nseven\n")) {
			t.Errorf("got %q, want the frames behind %q", got, middle)
		}
		if got := inner.Breaches(); len(got) > 0 {
			t.Errorf("got breaches %q", got)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the segment is still there: %v", err)
		}
	})
}

// FuzzCursor opens a folder whose cursor has any bytes: nothing of a segment that the
// cursor does not name is left out.
func FuzzCursor(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 2*slotSize))
	f.Add(append([]byte(cursorMagic), make([]byte, 100)...))
	f.Fuzz(func(t *testing.T, text []byte) {
		const id = 0x1122334455667788
		var c cursor
		var slots [2 * slotSize]byte
		copy(slots[:], text)
		if c.parse(slots); c.id == id {
			t.Skip("it names the segment")
		}
		dir := t.TempDir()
		segment := appendFrame(appendHeader(nil, id, 1), id, 1, time.Unix(1e9, 0), []byte("one\ntwo\n"), []int{4, 8})
		err := errors.Join(
			os.WriteFile(filepath.Join(dir, cursorName), text, 0o600),
			os.WriteFile(filepath.Join(dir, "spool-0000000000000001.seg"), segment, 0o600))
		if err != nil {
			t.Fatal(err)
		}
		var inner fault.Sink
		s := New(&inner, dir, nil)
		if err := s.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		n, err := s.Write(context.Background(), sink.Batch{Bytes: []byte("three\n"), Ends: []int{6}})
		if n != 6 || err != nil {
			t.Fatal(n, err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := string(inner.Bytes()); got != "one\ntwo\nthree\n" {
			t.Errorf("got %q", got)
		}
	})
}
