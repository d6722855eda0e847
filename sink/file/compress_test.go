// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/sink/file"
)

// A file is removed only when what takes its place is known to hold the same.
func TestFault15WhatCannotBeReadIsNotTheSame(t *testing.T) {
	text := func(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }
	broken := func(s string) func() io.Reader {
		return func() io.Reader { return io.MultiReader(strings.NewReader(s), iotest.ErrReader(syscall.EIO)) }
	}
	long := strings.Repeat("a line\n", 10_000)
	tests := []struct {
		name string
		a, b func() io.Reader
		want bool
	}{
		{"two empty", text(""), text(""), true},
		{"two equal", text("one\n"), text("one\n"), true},
		{"two long", text(long), text(long), true},
		{"a whole number of reads", text(long[:64<<10]), text(long[:64<<10]), true},
		{"another byte", text("one\n"), text("two\n"), false},
		{"one shorter", text(long), text(long[1:]), false},
		{"one empty", text(""), text("one\n"), false},
		{"one shorter by whole reads", text(long[:64<<10]), text(long[:32<<10]), false},
		{"one broken", text("one\n"), broken("one\n"), false},
		{"both broken", broken("one\n"), broken("one\n"), false},
		{"both broken at once", broken(""), broken(""), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, file.SameContent(tt.a(), tt.b()), tt.want)
			assert.Equal(t, file.SameContent(tt.b(), tt.a()), tt.want)
		})
	}
}

// slowly has the content of what it compressed in a form of its own. Its reader says so
// when it is asked, and waits.
var slowly struct {
	asked func()
	text  string
}

type asItIs struct{ io.Writer }

func (asItIs) Close() error { return nil }

func init() {
	file.RegisterCompressor("slowly", file.Compressor{
		Extension: ".slowly",
		New:       func(w io.Writer) (io.WriteCloser, error) { return asItIs{w}, nil },
		Reader: func(io.Reader) (io.ReadCloser, error) {
			slowly.asked()
			return io.NopCloser(strings.NewReader(slowly.text)), nil
		},
	})
}

func TestCloseDoesNotWaitUntilLargeFilesAreCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		comparing, closing := make(chan struct{}), make(chan struct{})
		slowly.text = strings.Repeat("a line\n", 100_000)
		slowly.asked = func() {
			close(comparing)
			<-closing
		}
		path := filepath.Join(t.TempDir(), "app.log")
		plain := filepath.Join(filepath.Dir(path), "app-20000101T000000.000Z.log")
		assert.NilError(t, os.WriteFile(plain, []byte(slowly.text), 0o600))
		assert.NilError(t, os.WriteFile(plain+".slowly", []byte("all of it"), 0o600))
		s := file.New(path, &file.Options{Compress: "slowly"})
		assert.NilError(t, s.Open(t.Context()))
		<-comparing
		closed := make(chan error)
		go func() { closed <- s.Close(t.Context()) }()
		synctest.Wait()
		close(closing)
		assert.NilError(t, <-closed)
		assert.Equal(t, content(t, plain), slowly.text, "it was not known to be there twice")
		assert.Equal(t, s.Stats().CompressErrors, uint64(0), s.Stats().LastError)

		slowly.asked = func() {}
		assert.NilError(t, s.Open(t.Context()))
		synctest.Wait()
		assert.NilError(t, s.Close(t.Context()))
		_, err := os.Stat(plain)
		assert.ErrorIs(t, err, os.ErrNotExist, "the next Open goes on")
	})
}
