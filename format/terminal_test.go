// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build linux

package format_test

import (
	"os"
	"strings"
	"testing"

	"github.com/hydra-logger/hydra/format"
)

func TestConsoleColorAutoWantsBothStreamsToBeTerminals(t *testing.T) {
	open := func(name string) *os.File {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Skip("no terminal to be had: ", err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	terminal, null, file := open("/dev/ptmx"), open(os.DevNull), open(t.TempDir()+"/file")
	closed := open(t.TempDir() + "/closed")
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	for _, name := range []string{"NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"} {
		t.Setenv(name, "")
	}
	for _, test := range []struct {
		name           string
		stdout, stderr *os.File
		term           string
		want           bool
	}{
		{"both", terminal, terminal, "xterm", true},
		{"output to a file", file, terminal, "xterm", false},
		{"errors to a file", terminal, file, "xterm", false},
		{"neither", file, file, "xterm", false},
		{"both thrown away", null, null, "xterm", false},
		{"closed", closed, terminal, "xterm", false},
		{"dumb", terminal, terminal, "dumb", false},
		{"no kind of terminal", terminal, terminal, "", false},
	} {
		t.Setenv("TERM", test.term)
		os.Stdout, os.Stderr = test.stdout, test.stderr
		f := format.Console(nil)
		os.Stdout, os.Stderr = stdout, stderr
		if got, _ := line(f); strings.Contains(got, "\x1b") != test.want {
			t.Errorf("%s: got %q, want colours: %t", test.name, got, test.want)
		}
	}
}
