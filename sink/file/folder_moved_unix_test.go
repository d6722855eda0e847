// SPDX-FileCopyrightText: The hydra authors
// SPDX-License-Identifier: MIT

//go:build unix

package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/hydra-logger/hydra/internal/fault"
	"github.com/hydra-logger/hydra/sink/file"
)

func TestAFolderThatIsMovedWithinACompressionHasTheLinesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "logs")
		away, between := dir+".away", dir+".between"
		const name = "app-20000101T000000.000Z.log"
		assert.NilError(t, os.Mkdir(dir, 0o700))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, name), []byte("one\n"), 0o600))
		move := func(n int) fault.Action {
			if n == 1 {
				assert.Check(t, os.Rename(dir, away))
				assert.Check(t, os.Mkdir(dir, 0o700))
			}
			return fault.Action{}
		}
		s, sys := faulty(filepath.Join(dir, "app.log"), &file.Options{Compress: "gzip"}, map[string]fault.Script{fault.Open: move})
		sys.Only = func(_, name string) bool { return strings.HasSuffix(name, ".tmp") }
		open(t, s)
		synctest.Wait()
		assert.NilError(t, os.Rename(dir, between))
		assert.NilError(t, os.Rename(away, dir))
		time.Sleep(time.Hour) // until the next look into the folder
		synctest.Wait()
		assert.NilError(t, s.Close(t.Context()))
		left, err := os.ReadDir(between)
		assert.NilError(t, err)
		assert.Equal(t, len(left), 0, "%v", left)
		assert.Equal(t, unzip(t, filepath.Join(dir, name+".gz")), "one\n")
		assert.Equal(t, s.Stats().CompressErrors, uint64(0))
	})
}
