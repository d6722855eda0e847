// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

// Package goid tells goroutines apart, so that none waits for itself.
package goid

import (
	"bytes"
	"runtime"
)

// Current returns the number of the calling goroutine. It takes about a microsecond,
// so it is for paths that wait anyway.
func Current() uint64 {
	var buf [40]byte
	head := buf[:runtime.Stack(buf[:], false)]
	head = bytes.TrimPrefix(head, []byte("goroutine "))
	id := uint64(0)
	for _, c := range head {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uint64(c-'0')
	}
	return id
}
