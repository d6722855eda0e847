// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/sink"
)

// Config describes a Handler. The zero value writes slog's JSON to standard
// output from level Info up, as slog.NewJSONHandler(os.Stdout, nil) does.
//
// NewHandler and Open copy what they need: changing a Config afterwards changes
// nothing. To change a level while running, put a *slog.LevelVar into a Level
// field.
type Config struct {
	// Layers are the named parts of the program and where their records go. A
	// record that belongs to no layer goes to the layer "default", which writes
	// JSON to standard output unless it is configured here. The layer "*" takes
	// a copy of every record, whatever its layer: with "*" and no "default" those
	// of "default" are written to both. To mute a layer, give it a destination whose
	// Sink is Writer(io.Discard).
	Layers map[string]Layer

	// Level is the level of layers that set none. Nil means slog.LevelInfo.
	Level slog.Leveler

	// LayerKey is the key of the attribute that names a record's layer. Empty
	// means "layer". The attribute may be given to a log call, to With of this
	// package or to With of a logger, in this order of precedence; the last of
	// several counts. It may stand in a group that WithGroup opened, but not in
	// one of slog.Group. When no layer has that name the record goes to "default",
	// whatever group or Match would have chosen; see EventUnknownLayer.
	//
	// Its value is a text, a number, a fmt.Stringer, an error, or a LogValuer of
	// one of these, which is asked once more than otherwise; any other value, and
	// an empty text, names nothing. It is read as it was logged: a ReplaceAttr may
	// leave it out of what is written.
	LayerKey string

	// Extractors find attributes in the context of a log call, after those that
	// With put there. They run on the caller's goroutine for every record that
	// is logged with a context other than context.Background(), so they should
	// be quick. A panic is contained and shows in the record.
	Extractors []func(context.Context) []slog.Attr

	// Root is a folder that no path of a sink leaves: those that are absolute, have
	// too many ".." or follow a link to the outside are mistakes, and so are links that
	// a sink is allowed to follow. Paths are then relative to Root, not to the working
	// directory, and a sink's own root has to be below it. Root has to exist. A spool
	// follows links, so it is a mistake. Sinks without paths, and what is not a
	// sink.Confiner, are not concerned; nor is Durable.Dir. Set it when parts of the
	// configuration come from others. Empty means no such limit.
	//
	// It limits paths, not what is there: Root's own path is trusted, links on it are
	// followed, what is mounted below it belongs to it, devices there are written to,
	// and a file that somebody moves out while it is open is still written to. A link
	// in it with an absolute target is refused, even if that is below Root.
	Root string

	// Fallback takes what no destination could, as the destination's format wrote
	// it, and hydra's own news, as JSON: whole records, one or more a Write, never
	// two Writes at a time. Nil means standard error. A Write that does not return
	// within a second is given up, and what it held counts as dropped; until it
	// returns nothing else is written.
	Fallback io.Writer

	// OnEvent, if set, is told hydra's own news. It is called from a goroutine
	// that does nothing else, so it may be slow and may panic; events that find
	// 256 others waiting are counted in Health.EventsMissed instead. It may use
	// the handler. Close, which waits until the last event is told, does not if it
	// is called from here: what is left to be told follows when OnEvent has returned.
	// A goroutine that OnEvent starts and waits for had better not call Close.
	OnEvent func(Event)

	// MemoryLimit is the share of memory in percent, of the host, the cgroup or
	// GOMEMLIMIT, whichever is tightest, above which queues no longer grow:
	// while one is more than an eighth full, further records go to the fallback.
	// Zero means 70. Negative means no limit.
	MemoryLimit int

	// CloseTimeout bounds Close when its context has no deadline. Zero means 10
	// seconds. Negative means to wait for as long as it takes, but for 10 seconds in
	// Exit and HandlePanic.
	CloseTimeout time.Duration
}

// Layer is a named part of the program.
type Layer struct {
	// Level is the least level that the layer takes. Nil means Config.Level.
	Level slog.Leveler

	// Match chooses this layer for records that carry one of these attributes,
	// key and value, and that no layer attribute and no group has placed. Those
	// given to With of a logger come before those of the log call, which come before
	// those of its context, and the last of several counts. One may stand in a group
	// that WithGroup opened, but not in one of slog.Group. Values are compared as texts,
	// as Config.LayerKey says.
	// An attribute may be claimed by one layer only.
	Match map[string]string

	// Destinations are where the layer's records go, each of them to every one.
	// Layers that hold the same Sink value share one destination: its settings
	// but for Level must then be equal, and its records keep their order. So do
	// those that hold sinks which Writer, Stdout or Stderr made of one io.Writer,
	// as long as their settings are equal.
	Destinations []Destination
}

// Destination is a format, a sink, and the queue in front of it.
type Destination struct {
	// Name stands for the destination in errors, events and Health. Empty means
	// the layer's name and the destination's index, as in "db/0"; with Durable that is
	// a mistake.
	Name string

	// Sink takes the encoded records. Required.
	Sink sink.Sink

	// Format encodes the records. Nil means format.JSON(nil). Destinations with
	// the same Format value share one encoding of a record.
	Format format.Format

	// Level is the least level that this destination takes of what its layer
	// takes. Nil means all of it. One below the layer's, such as Debug where the layer is
	// at Info, brings nothing more: it is a mistake where neither can change and no other
	// layer brings such records here.
	Level slog.Leveler

	// Policy is what a full queue does. Zero means DropOldest.
	Policy Policy

	// BlockTimeout bounds the wait under Block; the record then goes to the
	// fallback. Zero means no bound. Under other policies it is a mistake.
	BlockTimeout time.Duration

	// SyncLevel is the level from which on Handle returns only when the record is
	// in the sink, after all that was logged before it; it costs what the write
	// costs, and some tens of microseconds. If the record is not in the sink,
	// because it went to the fallback or was dropped, or ctx ended first, Handle
	// returns a *DeliveryError. Nil means that no record waits.
	SyncLevel slog.Leveler

	// SyncTo is what holds of a record when Handle returns nil from SyncLevel up.
	// Zero: the record is in the sink. SurvivesPower: it is on the disk, so that
	// Handle takes as long as the disk, half a millisecond and more; the log calls of
	// a moment share one sync. It needs a sink that is a sink.Syncer.
	SyncTo Promise

	// Queue bounds the queue.
	Queue Queue

	// Durable makes the queue outlive the process, however that ends. Nil means that
	// what is queued is lost with the process.
	Durable *Durable

	// Audit, if set, gives every line of this destination a trail, from which
	// "hydra audit" proves that none is missing. Nil means that lines are as the
	// format wrote them.
	Audit *Audit

	// RetryFor is how long the writer keeps trying to write a batch that the
	// sink refused, pausing up to a second between tries, before it sends the
	// batch to the fallback. From then on it tries the sink about once a second,
	// with what is in hand by then. A closed pipe is not tried again before.
	// Zero means 5 seconds. Negative means one try.
	RetryFor time.Duration

	// Fallback is the name of another destination, which takes what this one's sink
	// does not: what comes while the sink fails for longer than RetryFor, and what
	// Close finds queued when its time is over. The records count as Fallback here,
	// and are offered there; they stay in this destination's format, whatever the
	// format and the levels there. They keep their order, but for a record that the
	// sink had taken half of, and for those that find the other queue full. There
	// DropOldest makes room; under other policies they go on to that destination's own
	// fallback, since nothing waits for room. Several destinations may name the same
	// one. A layer that nothing is logged to is the place for one that does nothing
	// else. That of a durable destination has to be durable, too: else what is handed on
	// would be in memory alone.
	//
	// Empty means Config.Fallback. A record that does not get into the queue of this
	// destination, because it is too large or the handler is closed, goes there in any
	// case.
	Fallback string
}

// Queue bounds a destination's queue. Whichever bound is met first makes it
// full. Its memory, somewhat more than Bytes and 16 bytes for each of Records, is
// reserved when the handler is made; the system provides it as records pass.
type Queue struct {
	// Records is the most records. Zero means 32768. At most 16777216.
	Records int

	// Bytes is the most encoded bytes. Zero means 8 MiB. At most 1 GiB, and no fewer
	// than the shortest record takes. A record that is longer than this, or than 16 MiB,
	// goes to the fallback.
	Bytes int64
}

// Policy is what a full queue does with one more record.
type Policy uint8

const (
	// DropOldest makes room by dropping the oldest record in the queue, or, where
	// Queue.Bytes is the bound, as many of the oldest as make room for this one. They are
	// counted and leave a gap marker in the stream. The log call never waits for room;
	// in the rare case that other log calls hold up its making room, it is this record
	// that is dropped (Losses.Contended).
	DropOldest Policy = iota

	// Block makes the log call wait for room, for Destination.BlockTimeout and
	// the context of the call at most; then the record goes to the fallback.
	Block

	// Error refuses the record: Handle returns ErrQueueFull. A slog.Logger
	// ignores that error, so the record is counted as rejected, too, and leaves
	// a gap marker in the stream.
	Error
)

// String returns the name of the policy as it is in the source.
func (p Policy) String() string {
	switch p {
	case DropOldest:
		return "DropOldest"
	case Block:
		return "Block"
	case Error:
		return "Error"
	}
	return "unknown"
}

// MarshalText returns what String does.
func (p Policy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// The names of layers that mean something by themselves.
const (
	defaultLayer = "default"
	everyLayer   = "*"
)
