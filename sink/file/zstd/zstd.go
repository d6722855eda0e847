// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package zstd makes "zstd" known to the Options.Compress of log files:
//
//	import _ "github.com/hydra-logger/hydra/sink/file/zstd"
package zstd

import (
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/hydra-logger/hydra/sink/file"
)

func init() {
	// One file at a time, in the background, on one processor.
	file.RegisterCompressor("zstd", file.Compressor{
		Extension: ".zst",
		New: func(w io.Writer) (io.WriteCloser, error) {
			return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		},
		Reader: func(r io.Reader) (io.ReadCloser, error) {
			d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
			if err != nil {
				return nil, err
			}
			return d.IOReadCloser(), nil
		},
	})
}
