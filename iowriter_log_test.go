// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
)

func TestAWriterThatLogsToAnotherOfItsDestinationsDoesNotWaitForItself(t *testing.T) {
	for _, how := range []string{"SyncLevel", "Block", "Flush"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log *slog.Logger
				var h *hydra.Handler
				var once atomic.Bool
				var got bytes.Buffer
				w := writeFunc(func(p []byte) (int, error) {
					if strings.Contains(string(p), "first") && !once.Swap(true) {
						switch how {
						case "Block":
							for range 20 {
								log.Error("second", "layer", "b")
							}
						case "SyncLevel":
							log.Error("second", "layer", "b")
						case "Flush":
							log.Error("second", "layer", "b")
							ctx, c := context.WithTimeout(context.Background(), time.Hour)
							_ = h.Flush(ctx)
							c()
						}
					}
					return got.Write(p)
				})
				b := hydra.Destination{Name: "b", Sink: hydra.Writer(&w), Format: format.Text(nil)}
				switch how {
				case "SyncLevel":
					b.SyncLevel = slog.LevelError
				case "Block":
					b.Policy, b.Queue.Records, b.BlockTimeout = hydra.Block, 4, -1
				}
				h = hydra.NewHandler(hydra.Config{MemoryLimit: -1, Fallback: io.Discard, Layers: map[string]hydra.Layer{
					"default": {Destinations: []hydra.Destination{{Name: "a", Sink: hydra.Writer(&w)}}},
					"b":       {Destinations: []hydra.Destination{b}},
				}})
				log = slog.New(h)
				log.Info("first")
				time.Sleep(time.Minute)
				for _, d := range h.Health().Destinations {
					if d.InCall > 0 || d.Pending > 0 {
						t.Errorf("after a minute %s is in a call for %v, %d pending", d.Name, d.InCall, d.Pending)
					}
				}
				assert.NilError(t, h.Close(context.Background()))
			})
		})
	}
}
