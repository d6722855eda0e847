// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !linux

package main

import "time"

var started = time.Now()

// now returns the time that has passed, which also what else runs here makes longer.
func now() time.Duration { return time.Since(started) }
