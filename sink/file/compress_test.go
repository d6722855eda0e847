// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package file_test

import (
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

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
