// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

package format_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/format"
)

// The tables of a database refer to each other like this. There are millions of
// ways through so few types already.
type (
	every[Row any] struct {
		A *userRow
		B []orderRow
		C map[string]itemRow
		D []*stockRow
		E *placeRow
		F []shopRow
		G *billRow
		H []*taxRow
		I *noteRow
		J map[string]*tagRow
		K *visitRow
	}
	userRow  struct{ every[userRow] }
	orderRow struct{ every[orderRow] }
	itemRow  struct{ every[itemRow] }
	stockRow struct{ every[stockRow] }
	placeRow struct{ every[placeRow] }
	shopRow  struct{ every[shopRow] }
	billRow  struct{ every[billRow] }
	taxRow   struct{ every[taxRow] }
	noteRow  struct{ every[noteRow] }
	tagRow   struct{ every[tagRow] }
	visitRow struct{ every[visitRow] }
)

// A test that fails here does not end.
func TestTypesThatReferToEachOtherAreLookedThroughQuickly(t *testing.T) {
	value := userRow{every[userRow]{B: []orderRow{{}}}}
	for _, c := range kinds {
		t.Run(c.name, func(t *testing.T) {
			r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
			r.AddAttrs(slog.Any("v", value), slog.Any("p", &value))
			var want bytes.Buffer
			assert.NilError(t, c.slog(&want, nil).Handle(context.Background(), r))
			got, flaws := c.new(nil).AppendRecord(nil, r, nil)
			assert.Equal(t, flaws, format.Flaws(0))
			assert.Equal(t, string(got), want.String())
		})
	}
}
