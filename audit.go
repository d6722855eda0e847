// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"

	"github.com/hydra-logger/hydra/internal/trail"
)

// Audit gives the lines of a destination an audit trail. The destination's writer,
// and not the log call, puts one more attribute at the very end of each line:
//
//	{"msg":"hello","trail":"q3Xw70aZ.17"}
//	msg=hello trail=q3Xw70aZ.17
//
// It names the run, by characters that are drawn when the handler is made, and the
// number of the record at this destination, from 1 on: a number that is missing is a
// record that was dropped or went to the fallback after it had entered the queue. A
// gap marker has the range of numbers that are missing at its place; those of records
// that never entered the queue do not exist, and a marker of such alone has an empty
// range, as 18-17. Close writes a line that ends the run, if the sink took all before
// it. So the output of a run that has its last line proves that it is whole, and
// "hydra audit" checks it.
//
// A record that begins with { and ends with } gets the trail as the last member of
// the object; any other as the last word of its last line. It makes a record up to
// 96 bytes longer, also beyond the format's MaxRecord. What goes to the fallback
// later than from the queue keeps its trail; so it may be found there.
//
// Records that a process left in a durable queue get the trail of that process, which
// the next start goes on with and ends. With another Key, or where only one of the two
// has Audit, that cannot be: EventTrail tells it.
//
// A format that leaves out gap markers gets a line in their place that is nothing but
// the trail.
type Audit struct {
	// Key, if set, adds to each trail a MAC (HMAC-SHA256, cut to 16 bytes) over the
	// line and the MAC of the line before: who has not the key cannot change a line,
	// take one away or put one in without "hydra audit -key" telling where. The
	// writer pays a third of a microsecond for each record of 200 bytes. At least 16
	// bytes; draw 32 from crypto/rand, and keep them where the logs are not. Nil
	// means numbers alone, which show what is lost but can be forged; NewHandler goes
	// on with these if the key is shorter. Lines that are cut off the end of a run look
	// like a process that died, and a run that is gone altogether is not missed.
	//
	// It is copied, and never printed: not with the Config, in errors or in Health.
	Key []byte `json:"-"`
}

// EndMessage is the message of the line that Close writes at the end of a destination
// with Audit. Its trail has the number of the last record: q3Xw70aZ.end-17.
const EndMessage = "hydra: the run ends here"

// String returns what it is, without the key.
func (a Audit) String() string {
	if len(a.Key) == 0 {
		return "Audit{}"
	}
	return "Audit{Key: (hidden)}"
}

// Format writes what String returns, whatever the verb.
func (a Audit) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, a.String()) }

// LogValue returns what String does.
func (a Audit) LogValue() slog.Value { return slog.StringValue(a.String()) }

// equal reports whether both are the same setting. Either may be nil.
func (a *Audit) equal(b *Audit) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.Key, b.Key)
}

// audit returns a copy of a with a key that works.
func (c *checker) audit(path string, a *Audit) *Audit {
	if a == nil {
		return nil
	}
	if n := len(a.Key); a.Key != nil && n < trail.MinKey { // an empty one may be a variable that was not set
		c.note(path+".Key", "%d bytes are too few for a key; give it at least %d, such as 32 of crypto/rand, or nil for numbers alone", n, trail.MinKey)
		return &Audit{}
	}
	return &Audit{Key: bytes.Clone(a.Key)}
}
