// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package hydra

import (
	"log/slog"
	"reflect"

	"github.com/hydra-logger/hydra/format"
	"github.com/hydra-logger/hydra/internal/errs"
)

// contain returns f so that a panic in it does not end the program. The formats
// of package format contain theirs themselves, and are spared the cost.
func contain(f format.Format) format.Format {
	if t := reflect.TypeOf(f); t.Kind() == reflect.Pointer && t.Elem().PkgPath() == ownFormats {
		return f
	}
	return contained{f}
}

var ownFormats = reflect.TypeFor[format.Flaws]().PkgPath()

// contained is a Format that keeps the promise not to panic, whatever the one in
// it does.
type contained struct{ f format.Format }

// AppendRecord encodes the record as JSON that says so if the format panics.
func (c contained) AppendRecord(dst []byte, r slog.Record, top []slog.Attr) (line []byte, flaws format.Flaws) {
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			line, _ = standIn(err).AppendRecord(dst, r, top)
			flaws = format.Failed
		}
	}()
	return c.f.AppendRecord(dst, r, top)
}

func (c contained) WithAttrs(attrs []slog.Attr) format.Format {
	return c.derive(func(f format.Format) format.Format { return f.WithAttrs(attrs) })
}

func (c contained) WithGroup(name string) format.Format {
	return c.derive(func(f format.Format) format.Format { return f.WithGroup(name) })
}

// derive returns what f makes of the format. A format that panics there loses
// what it had collected, and its place.
func (c contained) derive(f func(format.Format) format.Format) (d format.Format) {
	defer func() {
		if err := errs.Recovered(recover()); err != nil {
			d = f(standIn(err))
		}
	}()
	return contained{f(c.f)}
}

// standIn returns the format that takes the place of one that panicked.
func standIn(err error) format.Format {
	return format.JSON(nil).WithAttrs([]slog.Attr{slog.String("!PANIC", "in the format: "+err.Error())})
}
