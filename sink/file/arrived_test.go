// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/file"
)

// A trace is what a sink noted of its writes of a batch.
type trace struct {
	batch sink.Batch
	notes []note
}

type note struct {
	from, upto int
	place      []byte
}

// traceOf makes s note where it writes.
func traceOf(s *file.Sink) *trace {
	t := &trace{}
	s.Trace(func(from, upto int, place []byte) { t.notes = append(t.notes, note{from, upto, bytes.Clone(place)}) })
	return t
}

// last returns the bytes that the last note is for, and the ends of their records.
func (t *trace) last() (place, p []byte, ends []int) {
	n := t.notes[len(t.notes)-1]
	for _, end := range t.batch.Ends {
		if end > n.from && end <= n.upto {
			ends = append(ends, end-n.from)
		}
	}
	return n.place, t.batch.Bytes[n.from:n.upto], ends
}

// died returns the trace of a process that wrote before, and then records, and
// died of it when taken bytes of them were in the file at path.
func died(t *testing.T, path string, opts *file.Options, before string, b sink.Batch, taken int) *trace {
	t.Helper()
	if before != "" {
		assert.NilError(t, os.WriteFile(path, []byte(before), 0o600))
	}
	s := file.New(path, opts)
	tr := traceOf(s)
	assert.NilError(t, s.Open(t.Context()))
	tr.batch = b
	n, err := s.Write(t.Context(), b)
	assert.NilError(t, err)
	assert.Equal(t, n, len(b.Bytes))
	assert.NilError(t, s.Close(t.Context()))
	info, err := os.Stat(path)
	assert.NilError(t, err)
	assert.NilError(t, os.Truncate(path, info.Size()-int64(len(b.Bytes)-taken)))
	return tr
}

// goOn makes a later process deliver the rest of what the trace is of. It returns
// how many bytes had arrived, and why that was not known.
func goOn(t *testing.T, tr *trace, path string, opts *file.Options) (int, error) {
	t.Helper()
	place, p, ends := tr.last()
	s := file.New(path, opts)
	n, err := s.Arrived(t.Context(), place, p, ends)
	assert.Assert(t, err == nil || n == 0)
	assert.NilError(t, s.Open(t.Context()))
	if n < len(p) {
		left := rest(sink.Batch{Bytes: p, Ends: ends}, n)
		taken, werr := s.Write(t.Context(), left)
		assert.NilError(t, werr)
		assert.Equal(t, taken, len(left.Bytes))
	}
	assert.NilError(t, s.Close(t.Context()))
	return n, err
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	assert.NilError(t, err)
	_, err = f.WriteString(text)
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
}

// TestFault5 kills a process at each byte of a write.
func TestFault5ATornWriteIsContinuedAtEachByte(t *testing.T) {
	b := batchOf("one", "two", "three")
	for _, before := range []string{"", "zero\n", "torn"} {
		want := before
		if before == "torn" {
			want += "\n" // by the process that died
		}
		for taken := range len(b.Bytes) + 1 {
			path := filepath.Join(t.TempDir(), "app.log")
			n, err := goOn(t, died(t, path, nil, before, b, taken), path, nil)
			assert.NilError(t, err)
			whole := 0
			for _, end := range b.Ends {
				if end <= taken {
					whole = end
				}
			}
			assert.Equal(t, n, whole, "after %q, of %d bytes", before, taken)
			assert.Equal(t, content(t, path), want+string(b.Bytes), "after %q, of %d bytes", before, taken)
		}
	}
}

// TestFault5 also when a process dies that shares the file with others.
func TestFault5ATornWriteWithSomethingBehindItIsDeliveredAgainOnALineOfItsOwn(t *testing.T) {
	b := batchOf("one", "two", "three")
	tests := []struct {
		name   string
		taken  int
		behind string
		n      int
		want   string
	}{
		{name: "nothing arrived", taken: 0, behind: "other\n", want: "zero\nother\none\ntwo\nthree\n"},
		{name: "ended by the other", taken: 5, behind: "\nother\n", n: 4, want: "zero\none\nt\nother\ntwo\nthree\n"},
		{name: "joined by a stranger", taken: 5, behind: "other\n", n: 4, want: "zero\none\ntother\ntwo\nthree\n"},
		{name: "between records", taken: 8, behind: "other\n", n: 8, want: "zero\none\ntwo\nother\nthree\n"},
		{name: "all but the end of the line", taken: 7, behind: "\nother\n", n: 8, want: "zero\none\ntwo\nother\nthree\n"},
		{name: "all", taken: 14, behind: "other\n", n: 14, want: "zero\none\ntwo\nthree\nother\n"},
		{name: "the other died as well", taken: 5, behind: "\noth", n: 4, want: "zero\none\nt\noth\ntwo\nthree\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			tr := died(t, path, nil, "zero\n", b, tt.taken)
			appendTo(t, path, tt.behind)
			n, err := goOn(t, tr, path, nil)
			assert.NilError(t, err)
			assert.Equal(t, n, tt.n)
			assert.Equal(t, content(t, path), tt.want)
		})
	}
}

// TestFault21 changes what a place was noted of.
func TestFault21WhatSomebodyChangedIsDeliveredAgain(t *testing.T) {
	b := batchOf("one", "two", "three")
	tests := []struct {
		name   string
		change func(t *testing.T, path string)
		n      int
		fails  string
		want   string
	}{
		{name: "truncated to nothing", change: func(t *testing.T, path string) {
			assert.NilError(t, os.Truncate(path, 0))
		}, want: "one\ntwo\nthree\n"},
		{name: "truncated in the middle", change: func(t *testing.T, path string) {
			assert.NilError(t, os.Truncate(path, 11))
		}, n: 4, want: "zero\none\ntwo\nthree\n"},
		{name: "edited before", change: func(t *testing.T, path string) {
			assert.NilError(t, os.WriteFile(path, []byte("zer\none\ntwo\nthree\n"), 0))
		}, want: "zer\none\ntwo\nthree\none\ntwo\nthree\n"},
		{name: "edited at the end", change: func(t *testing.T, path string) {
			assert.NilError(t, os.WriteFile(path, []byte("zero\none\ntwo\nthrxe\n"), 0))
		}, n: 8, want: "zero\none\ntwo\nthrxe\nthree\n"},
		{name: "zeroes", change: func(t *testing.T, path string) {
			assert.NilError(t, os.WriteFile(path, append([]byte("zero\n"), make([]byte, 14)...), 0))
		}, want: "zero\n" + strings.Repeat("\x00", 14) + "\none\ntwo\nthree\n"},
		{name: "deleted", change: func(t *testing.T, path string) {
			assert.NilError(t, os.Remove(path))
		}, fails: "it is not there any more", want: "one\ntwo\nthree\n"},
		{name: "replaced by a copy", change: func(t *testing.T, path string) {
			if runtime.GOOS == "windows" {
				t.Skip("files have no numbers here, and names keep their times")
			}
			text := content(t, path)
			assert.NilError(t, os.Rename(path, path+".old"))
			assert.NilError(t, os.WriteFile(path, []byte(text), 0o600))
			assert.NilError(t, os.Remove(path+".old"))
		}, fails: "it is not there any more", want: "zero\none\ntwo\nthree\none\ntwo\nthree\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.log")
			tr := died(t, path, nil, "zero\n", b, len(b.Bytes))
			tt.change(t, path)
			n, err := goOn(t, tr, path, nil)
			if tt.fails == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.fails)
				assert.ErrorContains(t, err, path)
			}
			assert.Equal(t, n, tt.n)
			assert.Equal(t, content(t, path), tt.want)
		})
	}
}

func TestEachPartOfABatchThatIsRotatedHasANoteOfItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	opts := &file.Options{MaxSize: 1024}
	record := strings.Repeat("x", 299)
	b := batchOf(record+"1", record+"2", record+"3", record+"4", record+"5")
	s := file.New(path, opts)
	tr := traceOf(s)
	assert.NilError(t, s.Open(t.Context()))
	tr.batch = b
	_, err := s.Write(t.Context(), b)
	assert.NilError(t, err)
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, len(tr.notes), 2)
	assert.Equal(t, tr.notes[0].from, 0)
	assert.Equal(t, tr.notes[0].upto, b.Ends[2])
	assert.Equal(t, tr.notes[1].from, b.Ends[2])
	assert.Equal(t, tr.notes[1].upto, b.Ends[4])

	// The process died right after the rotation, or in the middle of the first part,
	// and another one rotated the file then: its first record is half in it.
	tr.notes = tr.notes[:1]
	assert.NilError(t, os.Truncate(only(t, path), int64(b.Ends[0]+100)))
	place, p, ends := tr.last()
	if runtime.GOOS == "windows" {
		return // a file has no number to be found by
	}
	n, err := file.New(path, opts).Arrived(t.Context(), place, p, ends)
	assert.NilError(t, err)
	assert.Equal(t, n, b.Ends[0])
	assert.Equal(t, content(t, only(t, path)), string(b.Bytes[:b.Ends[0]]))
}

// TestFault5 dies in the second half of a record whose first half is in the file.
func TestFault5And12ARecordThatWasContinuedIsRemovedAsAWhole(t *testing.T) {
	for taken := range 6 {
		path := filepath.Join(t.TempDir(), "app.log")
		s, sys := faulty(path, nil, map[string]fault.Script{
			fault.Write:    fault.At(1, fault.Short(6, syscall.ENOSPC)),
			fault.Truncate: fault.Always(fault.Fail(syscall.EIO)), // it cannot be taken back
		})
		tr := traceOf(s)
		assert.NilError(t, s.Open(t.Context()))
		tr.batch = batchOf("one", "two", "three")
		n, err := s.Write(t.Context(), tr.batch)
		assert.ErrorIs(t, err, syscall.ENOSPC)
		assert.Equal(t, n, 6, "%d writes", sys.Count(fault.Write))
		tr.batch = rest(tr.batch, 6)
		_, err = s.Write(t.Context(), tr.batch)
		assert.NilError(t, err)
		assert.NilError(t, s.Close(t.Context()))
		assert.NilError(t, os.Truncate(path, 6+int64(taken)))

		place, p, ends := tr.last()
		n, err = file.New(path, nil).Arrived(t.Context(), place, p, ends)
		assert.NilError(t, err)
		want, whole := "one\n", 0
		if taken >= 2 {
			want, whole = "one\ntwo\n", 2
		}
		assert.Equal(t, n, whole, "%d bytes", taken)
		assert.Equal(t, content(t, path), want, "%d bytes", taken)
	}
}

func TestFault5AWriteIsFoundBehindThoseOfOthersWhereItsPlaceWasNotSure(t *testing.T) {
	b := batchOf("one", "two", "three")
	for taken := range len(b.Bytes) + 1 {
		path := filepath.Join(t.TempDir(), "app.log")
		tr := died(t, path, nil, "zero\nother tone\nother\n", b, taken)
		place, p, ends := tr.last()
		n, err := file.New(path, nil).Arrived(t.Context(), file.Unsure(place, len("other tone\nother\n")), p, ends)
		assert.NilError(t, err)
		whole := 0
		for _, end := range b.Ends {
			if end <= taken {
				whole = end
			}
		}
		assert.Equal(t, n, whole, "%d bytes", taken)
		assert.Equal(t, content(t, path), "zero\nother tone\nother\n"+string(b.Bytes[:whole]), "%d bytes", taken)
	}
}

func TestArrivedLeavesAnOpenSinkInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	tr := died(t, path, nil, "zero\n", batchOf("one", "two"), 6)
	s := opened(t, path, &file.Options{MaxSize: 1024}) // ends the line
	place, p, ends := tr.last()
	n, err := s.Arrived(t.Context(), place, p, ends)
	assert.NilError(t, err)
	assert.Equal(t, n, 4)
	write(t, s, "two")
	if takesBack {
		assert.Equal(t, content(t, path), "zero\none\ntwo\n")
		assert.Equal(t, s.Stats().Truncations, uint64(0))
	}
}

func TestArrivedRefusesWhatItCannotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	tr := died(t, path, nil, "", batchOf("one"), 4)
	place, p, ends := tr.last()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	far := append(bytes.Clone(place[:len(place)-16]), 0, 0, 1, 0, 0, 0, 0, 0) // an offset of 1 TiB
	long := append(far, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0)                   // behind 2 GiB of a record
	tests := []struct {
		name  string
		ctx   context.Context
		place []byte
		want  string
	}{
		{name: "nothing", want: "in a way that this version does not read"},
		{name: "a part", place: place[:len(place)-1], want: "in a way that this version does not read"},
		{name: "another version", place: append([]byte{99}, place[1:]...), want: "in a way that this version does not read"},
		{name: "nonsense", place: append(bytes.Clone(place[:2]), bytes.Repeat([]byte{0xff}, len(place)-2)...), want: "makes no sense"},
		{name: "a record that fits no int of 32 bits", place: long, want: "makes no sense"},
		{name: "the context has ended", ctx: ended, place: place, want: "canceled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := tt.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			_, err := file.New(path, nil).Arrived(ctx, tt.place, p, ends)
			assert.ErrorContains(t, err, tt.want)
			assert.Equal(t, content(t, path), "one\n")
		})
	}
}

// FuzzFault5And21 kills a process in the middle of a write, and perhaps lets somebody
// change the file then. Nothing is ever lost, and without such a change nothing is
// there twice or in pieces.
func FuzzFault5And21NothingIsLostWhateverTheFileLooksLike(f *testing.F) {
	f.Add(uint8(3), uint8(4), uint16(20), uint8(0), uint16(0), "")
	f.Add(uint8(0), uint8(9), uint16(0), uint8(1), uint16(3), "other\n")
	f.Add(uint8(9), uint8(2), uint16(7), uint8(2), uint16(30), "x")
	f.Add(uint8(1), uint8(6), uint16(33), uint8(3), uint16(1), "")
	f.Fuzz(func(t *testing.T, before, records uint8, taken uint16, change uint8, at uint16, text string) {
		path := filepath.Join(t.TempDir(), "app.log")
		var earlier strings.Builder
		for i := range before {
			fmt.Fprintf(&earlier, "before %d%s.\n", i, strings.Repeat("-", int(i)))
		}
		var lines []string
		for i := range max(records, 1) {
			lines = append(lines, fmt.Sprintf("record %d%s.", i, strings.Repeat("=", int(i)*7%40)))
		}
		b := batchOf(lines...)
		tr := died(t, path, nil, earlier.String(), b, int(taken)%(len(b.Bytes)+1))
		text = strings.ReplaceAll(text, "record", "")
		whole := content(t, path)
		where := int(at) % (len(whole) + 1)
		switch change % 4 {
		case 1:
			appendTo(t, path, text)
		case 2: // cut
			assert.NilError(t, os.Truncate(path, int64(where)))
		case 3: // insert
			assert.NilError(t, os.WriteFile(path, []byte(whole[:where]+text+whole[where:]), 0))
		}
		_, err := goOn(t, tr, path, nil)
		assert.NilError(t, err)
		s := opened(t, path, nil)
		write(t, s, "the end.")
		got := content(t, path)
		assert.Assert(t, strings.HasSuffix(got, "\nthe end.\n"), "%q", got)
		count := make(map[string]int)
		for line := range strings.Lines(got) {
			count[strings.TrimSuffix(line, "\n")]++
		}
		for _, line := range lines {
			assert.Assert(t, count[line] > 0, "lost: %q of %q", line, got)
		}
		if change%4 == 0 || change%4 == 2 && where >= earlier.Len() {
			assert.Equal(t, got, earlier.String()+string(b.Bytes)+"the end.\n")
		}
	})
}
