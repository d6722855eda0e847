// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/sink"
	"github.com/hydra-logger/hydra/sink/file"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// batchOf returns the batch of records, each of which gets a newline.
func batchOf(records ...string) sink.Batch {
	var b sink.Batch
	for _, r := range records {
		b.Bytes = append(append(b.Bytes, r...), '\n')
		b.Ends = append(b.Ends, len(b.Bytes))
	}
	return b
}

// write writes records to s as one batch, all of it.
func write(t *testing.T, s *file.Sink, records ...string) {
	t.Helper()
	b := batchOf(records...)
	n, err := s.Write(t.Context(), b)
	assert.NilError(t, err)
	assert.Equal(t, n, len(b.Bytes))
}

// content returns what is in the file at path.
func content(t *testing.T, path string) string {
	t.Helper()
	got, err := os.ReadFile(path)
	assert.NilError(t, err)
	return string(got)
}

// takesBack tells whether half a record is taken back at once.
const takesBack = runtime.GOOS == "linux"

// backups returns the paths of the rotated files of the file at path, oldest first.
func backups(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	assert.NilError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	found, err := file.Backups("", filepath.Base(path), names)
	assert.NilError(t, err)
	for i := range found {
		found[i] = filepath.Join(filepath.Dir(path), found[i])
	}
	return found
}

// only returns the one rotated file of the file at path.
func only(t *testing.T, path string) string {
	t.Helper()
	found := backups(t, path)
	assert.Equal(t, len(found), 1, "%v", found)
	return found[0]
}

// rest returns the batch of what follows the first n bytes of b.
func rest(b sink.Batch, n int) sink.Batch {
	r := sink.Batch{Bytes: b.Bytes[n:]}
	for _, end := range b.Ends {
		if end > n {
			r.Ends = append(r.Ends, end-n)
		}
	}
	return r
}

func TestNewTouchesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	file.New(path, nil)
	_, err := os.Stat(path)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestNewKeepsACopyOfItsOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "app.log")
	opts := file.Options{RotateAt: []string{"12:00"}}
	s := file.New(path, &opts)
	assert.DeepEqual(t, opts, file.Options{RotateAt: []string{"12:00"}})
	opts.MkdirAll, opts.RotateAt[0] = true, "noon"
	assert.ErrorIs(t, s.Open(t.Context()), fs.ErrNotExist)
}

func TestSinkAppendsToWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	assert.NilError(t, os.WriteFile(path, []byte("zero\n"), 0o600))
	s := file.New(path, &file.Options{Sync: file.SyncFlush})
	for _, record := range []string{"one", "two"} {
		assert.NilError(t, s.Open(t.Context()))
		write(t, s, record, record)
		assert.NilError(t, s.Flush(t.Context()))
		assert.NilError(t, s.Close(t.Context()))
	}
	assert.Equal(t, content(t, path), "zero\none\none\ntwo\ntwo\n")
}

func TestOpenIsRepeatable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(dir, "app.log")
	s := file.New(path, nil)
	assert.ErrorIs(t, s.Open(t.Context()), fs.ErrNotExist)
	assert.NilError(t, os.Mkdir(dir, 0o700))
	assert.NilError(t, s.Open(t.Context()))
	write(t, s, "one")
	assert.NilError(t, s.Close(t.Context()))
	assert.NilError(t, s.Open(t.Context()))
	write(t, s, "two")
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, content(t, path), "one\ntwo\n")
}

func TestASinkThatIsOpenIsNotOpenedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s := file.New(path, nil)
	assert.NilError(t, s.Open(t.Context()))
	assert.ErrorContains(t, s.Open(t.Context()), "this Sink is open already, for another handler perhaps: give each a Sink of its own")
	write(t, s, "one")
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, content(t, path), "one\n")
}

func TestAClosedSinkIsNotWrittenTo(t *testing.T) {
	s := file.New(filepath.Join(t.TempDir(), "app.log"), &file.Options{Sync: file.SyncFlush})
	ctx := t.Context()
	assert.NilError(t, s.Flush(ctx))
	assert.NilError(t, s.Close(ctx))
	n, err := s.Write(ctx, batchOf("abc"))
	assert.ErrorIs(t, err, fs.ErrClosed)
	assert.ErrorContains(t, err, "app.log")
	assert.Equal(t, n, 0)
}

func TestSinkDoesNotWriteAfterTheContextEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	s := file.New(path, &file.Options{Sync: file.SyncFlush})
	assert.NilError(t, s.Open(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n, err := s.Write(ctx, batchOf("abc"))
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, n, 0)
	assert.ErrorIs(t, s.Flush(ctx), context.Canceled)
	assert.NilError(t, s.Close(ctx))
	assert.Equal(t, content(t, path), "")
}

func TestFault30And32OpenNamesThePathAndTheWayOut(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	assert.NilError(t, os.WriteFile(plain, nil, 0o600))
	tests := []struct {
		name string
		path string
		opts file.Options
		want string
	}{
		{name: "empty path", path: "", want: `log file "": the path is empty`},
		{name: "NUL in the path", path: "a\x00b", want: `log file "a\x00b": the path contains the control character '\x00'`},
		{name: "directory", path: dir, want: "it is a directory: add a file name"},
		{name: "directory by its name", path: dir + "/new/", want: "the path names a directory: add a file name"},
		{name: "missing directory", path: dir + "/no/app.log", want: "create it or set Options.MkdirAll"},
		{name: "directory cannot be made", path: plain + "/app.log", opts: file.Options{MkdirAll: true}, want: "cannot create its directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := file.New(tt.path, &tt.opts)
			err := s.Open(t.Context())
			assert.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, fmt.Sprintf("hydra: log file %q: ", tt.path))
			assert.Equal(t, s.String(), tt.path)
		})
	}
	left, err := os.ReadDir(dir)
	assert.NilError(t, err)
	assert.Equal(t, len(left), 1, "a failed Open creates nothing")
}

func TestRelativePathStaysWhereItWas(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	t.Chdir(first)
	s := file.New("app.log", nil)
	t.Chdir(second)
	assert.NilError(t, s.Open(t.Context()))
	write(t, s, "one")
	assert.NilError(t, s.Close(t.Context()))
	assert.Equal(t, content(t, filepath.Join(first, "app.log")), "one\n")
	assert.Equal(t, s.String(), "app.log")
}

func TestTwoSinksOfOnePathKeepLinesWhole(t *testing.T) {
	const batches, perBatch = 200, 20
	path := filepath.Join(t.TempDir(), "app.log")
	var writers sync.WaitGroup
	for _, letter := range "ab" {
		s := file.New(path, nil)
		assert.NilError(t, s.Open(t.Context()))
		lines := make([]string, perBatch)
		for i := range lines {
			lines[i] = strings.Repeat(string(letter), 997)
		}
		b := batchOf(lines...)
		writers.Go(func() {
			for range batches {
				if n, err := s.Write(t.Context(), b); n != len(b.Bytes) || err != nil {
					t.Errorf("got %d, %v, want %d and no error", n, err, len(b.Bytes))
				}
			}
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	got := bytes.SplitAfter([]byte(content(t, path)), []byte("\n"))
	assert.Equal(t, len(got)-1, 2*batches*perBatch)
	for _, line := range got[:len(got)-1] {
		if len(line) != 998 || bytes.Count(line, line[:1]) != 997 {
			t.Fatalf("got %q, want one record in a line", line)
		}
	}
}

func ExampleNew() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "logs", "app.log")

	ctx := context.Background()
	s := file.New(path, &file.Options{MkdirAll: true})
	if err := s.Open(ctx); err != nil {
		fmt.Println(err)
	}
	if _, err := s.Write(ctx, sink.Batch{Bytes: []byte("one\ntwo\n"), Ends: []int{4, 8}}); err != nil {
		fmt.Println(err)
	}
	if err := s.Close(ctx); err != nil {
		fmt.Println(err)
	}

	text, err := os.ReadFile(path)
	fmt.Print(string(text))
	fmt.Println(err)
	// Output:
	// one
	// two
	// <nil>
}
