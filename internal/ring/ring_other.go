// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build !linux

package ring

import (
	"errors"
	"fmt"
	"runtime"
)

// A holder is the hold of a process on a ring's file. There is none here.
type holder struct{}

// errPlatform is what everything returns here.
var errPlatform = fmt.Errorf("ring: Durable: on %s there is no memory that outlives a process, only on linux: leave Durable nil: %w",
	runtime.GOOS, errors.ErrUnsupported)

// Create returns an error that wraps errors.ErrUnsupported.
func Create(Options, Geometry) (*Ring, error) { return nil, errPlatform }

// DefaultDir returns "".
func DefaultDir() string { return "" }

// Orphans returns none.
func Orphans(Options) (found []Candidate, quarantined []Quarantined, err error) { return nil, nil, nil }

// Unclaimed returns none.
func Unclaimed(Options, []string) ([]Leftover, error) { return nil, nil }

// Adopt returns an error that wraps errors.ErrUnsupported.
func (c Candidate) Adopt() (*Orphan, error) { return nil, errPlatform }

// Size returns 0.
func (f *file) Size() int64 { return 0 }

// Path returns "".
func (f *file) Path() string { return "" }

// Remove does nothing.
func (f *file) Remove() error { return nil }

// Leave does nothing.
func (f *file) Leave() error { return nil }

// Quarantine does nothing.
func (o *Orphan) Quarantine(string) (Quarantined, error) { return Quarantined{}, errPlatform }

func (f *file) disown() (string, error) { return "", nil }

func (f *file) gone() bool { return false }
