// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra_test

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
)

// A service ends its own intake first, so that what its requests log is still taken,
// and closes the handler last, each within a bound of its own. This example ends the
// process, so a test runs it.
func ExampleExit_sigterm() {
	h := hydra.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	server := &http.Server{Addr: cmp.Or(os.Getenv("ADDR"), ":8080"), ErrorLog: slog.NewLogLogger(h, slog.LevelWarn)}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	slog.New(h).Info("serving")

	code := 0
	select {
	case <-ctx.Done():
	case err := <-failed:
		slog.New(h).Error("cannot serve", "error", err)
		code = 1
	}
	stop() // a second signal ends the program at once

	// Not ctx: the signal has ended it, and Shutdown would have no time.
	bounded, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil {
		slog.New(h).Error("requests were cut off", "error", err)
	}
	hydra.Exit(code) // closes h, within Config.CloseTimeout
}

func TestTheServiceOfTheExampleEndsWithTheStatusThatItsEndDeserves(t *testing.T) {
	if os.Getenv("HYDRA_TEST_SERVICE") != "" {
		ExampleExit_sigterm()
	}
	taken, err := net.Listen("tcp", "localhost:0")
	assert.NilError(t, err)
	defer taken.Close()
	for _, tt := range []struct {
		name, addr string
		signal     bool // once it serves
		code       int
		want       string // what it logs last
	}{
		{"SIGTERM", "localhost:0", true, 0, "serving"},
		{"the port is taken", taken.Addr().String(), false, 1, "cannot serve"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheServiceOfTheExample")
			cmd.Env = append(os.Environ(), "HYDRA_TEST_SERVICE=1", "ADDR="+tt.addr)
			out, err := cmd.StdoutPipe()
			assert.NilError(t, err)
			assert.NilError(t, cmd.Start())
			lines := bufio.NewReader(out)
			text, err := lines.ReadString('\n')
			assert.NilError(t, err)
			if tt.signal {
				assert.NilError(t, cmd.Process.Signal(syscall.SIGTERM))
			}
			rest, err := io.ReadAll(lines)
			assert.NilError(t, err)
			_ = cmd.Wait() // its status says it
			assert.Equal(t, cmd.ProcessState.ExitCode(), tt.code)
			assert.Assert(t, strings.Contains(text+string(rest), tt.want), "got %s%s", text, rest)
		})
	}
}
