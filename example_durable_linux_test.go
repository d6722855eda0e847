// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/sink/file"
)

// A destination that loses nothing, however the process ends. This example keeps its
// queue in a folder of the user's, so a test runs it in another one.
func ExampleDurable() {
	h, err := hydra.Open(hydra.Config{Layers: map[string]hydra.Layer{
		"audit": {Destinations: []hydra.Destination{{
			Name:    "audit", // by which the next start finds what was queued
			Sink:    file.New("audit.log", nil),
			Policy:  hydra.Block, // what finds the queue full waits, and is not dropped
			Durable: &hydra.Durable{},
		}}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close(context.Background())

	slog.New(h).Info("login", "layer", "audit", "user", 7)
}

func TestTheDurableDestinationOfTheExampleWrites(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", shmDir(t))
	t.Chdir(t.TempDir())
	ExampleDurable()
	text, err := os.ReadFile("audit.log")
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(string(text), `"msg":"login"`), "got %s", text)
}
