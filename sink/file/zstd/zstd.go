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
	file.RegisterCompressor("zstd", file.Compressor{Extension: ".zst", New: func(w io.Writer) (io.WriteCloser, error) {
		// One file at a time, in the background, on one processor.
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}})
}
