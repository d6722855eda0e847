// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package sink

import "context"

// Syncer is a Sink that can bring records to where even a loss of power does not
// reach them. What its Write took survives the end of the process without that.
type Syncer interface {
	Sink

	// Sync makes all that Write took so far survive a loss of power, whatever the
	// options of the sink say, and returns nil only then. After it failed it must not
	// return nil for the same records just because it was called again, nor because
	// Flush has returned the error. What can never be made up for it may stop telling
	// once it goes on elsewhere, in another file perhaps: a handler takes each error to
	// be about all that Write took before, and tells it to everybody who waits for
	// some of that, however late, and to the next FlushTo.
	Sync(ctx context.Context) error
}
