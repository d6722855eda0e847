// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package bench

import (
	"context"
	"io"

	"github.com/hydra-logger/hydra"
	"github.com/hydra-logger/hydra/format"
)

var hydraStacks = []Stack{
	{Name: "hydra", Kind: Hydra, Open: openHydra(hydra.DropOldest)},
	{Name: "hydra+block", Kind: Hydra, Open: openHydra(hydra.Block)},
	{Name: "hydra+error", Kind: Hydra, Open: openHydra(hydra.Error)},
}

func openHydra(policy hydra.Policy) func(io.Writer, Options) (Logger, error) {
	return func(w io.Writer, o Options) (Logger, error) {
		h, err := hydra.Open(hydra.Config{
			Layers: map[string]hydra.Layer{"default": {Destinations: []hydra.Destination{{
				Sink:   hydra.Writer(w),
				Format: format.JSON(&format.Options{AddSource: o.AddSource}),
				Policy: policy,
				Queue:  hydra.Queue{Records: o.queue(), Bytes: int64(o.queue()) * 256},
			}}}},
			// A record that goes here is not in the file, and counts as lost.
			Fallback: io.Discard,
		})
		if err != nil {
			return Logger{}, err
		}
		return Logger{
			Work:  newSlogWork(h),
			Close: func() error { return h.Close(context.Background()) },
			Dropped: func() int64 {
				d := h.Health().Destinations[0]
				return int64(d.Dropped + d.Rejected + d.Fallback)
			},
		}, nil
	}
}
