// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package sink

// Confiner is a Sink with paths of its own, which it can keep below a folder. Sinks
// without paths need it not; those that have some should be one, and should confine
// the sinks that they stand before.
type Confiner interface {
	Sink

	// Confine keeps everything that the sink opens, makes, renames or removes below
	// the folder root, an absolute path, for good: neither ".." nor a link leads out
	// of it, and a path is relative to it. It returns an error, with the way out, if
	// that cannot be with the paths that the sink has. It is called before Open,
	// perhaps more than once, and touches nothing.
	Confine(root string) error
}
