// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package errs

import (
	"iter"
	"slices"
)

// treeMost is how many errors of a tree are looked at. Nobody wraps as many; an error
// that wraps itself has no end, and package errors would follow it for good.
const treeMost = 1000

// tree returns err and all that it wraps, in the order of errors.Is.
func tree(err error) iter.Seq[error] {
	return func(yield func(error) bool) {
		ahead := []error{err} // the next one last
		for left := treeMost; left > 0 && len(ahead) > 0; left-- {
			e := ahead[len(ahead)-1]
			ahead = ahead[:len(ahead)-1]
			if e == nil {
				continue
			}
			if !yield(e) {
				return
			}
			switch e := e.(type) {
			case interface{ Unwrap() error }:
				ahead = append(ahead, e.Unwrap())
			case interface{ Unwrap() []error }:
				wrapped := e.Unwrap()
				for _, w := range slices.Backward(wrapped[:min(len(wrapped), left)]) {
					ahead = append(ahead, w)
				}
				ahead = ahead[max(len(ahead)-left, 0):] // the others have no turn
			}
		}
	}
}

// is is errors.Is for a target that is comparable, and ends.
func is(err, target error) bool {
	if err == nil || target == nil {
		return err == target
	}
	for e := range tree(err) {
		if e == target {
			return true
		}
		if e, ok := e.(interface{ Is(error) bool }); ok && e.Is(target) {
			return true
		}
	}
	return false
}

// as is errors.As, and ends.
func as[T any](err error) (found T, ok bool) {
	for e := range tree(err) {
		if found, ok = e.(T); ok {
			return found, true
		}
		if e, ok := e.(interface{ As(any) bool }); ok && e.As(&found) {
			return found, true
		}
	}
	return found, false
}
