// Command zip writes one executable file into a zip that Lambda takes. The same file gives the same bytes, whenever and
// wherever: the time in it is fixed.
package main

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: zip FILE ZIP")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "zip:", err)
		os.Exit(1)
	}
}

func pack(file, archive string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	out, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer out.Close()
	header := &zip.FileHeader{
		Name:     filepath.Base(file),
		Method:   zip.Deflate,
		Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), // the earliest that the format knows
	}
	header.SetMode(0o755)
	z := zip.NewWriter(out)
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return out.Close()
}
