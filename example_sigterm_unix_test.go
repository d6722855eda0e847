// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package hydra_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hydra-logger/hydra"
)

// A service ends its own intake first, so that what its requests log is still taken,
// and closes the handler last, each within a bound of its own.
func ExampleHandler_Close_sigterm() {
	h := hydra.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	server := &http.Server{Addr: "localhost:0", ErrorLog: slog.NewLogLogger(h, slog.LevelWarn)}
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			slog.New(h).Error("cannot serve", "error", err)
			stop()
		}
	}()
	slog.New(h).Info("serving")
	_ = syscall.Kill(os.Getpid(), syscall.SIGTERM) // as whoever ends the service does
	<-ctx.Done()
	stop() // a second signal ends the program at once

	bounded, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil {
		slog.New(h).Error("requests were cut off", "error", err)
	}
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := h.Close(end); err != nil {
		fmt.Fprintln(os.Stderr, err) // what became of the records that are not in their sink
	}
	// Output: level=INFO msg=serving
}
