package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Names of the files in a run directory.
const (
	ScenarioFile = "scenario.yaml" // as run
	PlanFile     = "plan.json"
	EventsFile   = "events.jsonl"
	CaptureFile  = "capture.pcapng"
	VerdictsFile = "verdicts.json"
	ReportJSON   = "report.json"
	ReportText   = "report.txt"
)

// A Directory is a run directory: everything that one run leaves behind. All
// files in it belong to the user who called, through sudo too.
type Directory struct {
	Path     string
	uid, gid int // -1: as they come
}

// Create makes a new run directory in parent, named for the scenario, its
// variant and the time. A number makes the name unique.
func Create(parent, scenario, variant string, at time.Time) (*Directory, error) {
	d := &Directory{uid: -1, gid: -1}
	if uid, err := strconv.Atoi(os.Getenv("SUDO_UID")); err == nil && os.Geteuid() == 0 {
		d.uid = uid
		if gid, err := strconv.Atoi(os.Getenv("SUDO_GID")); err == nil {
			d.gid = gid
		}
	}
	if err := d.makeParents(parent); err != nil {
		return nil, err
	}
	name := scenario
	if variant != Base {
		name += "-" + variant
	}
	name += "-" + at.Format("20060102T150405")
	for n := 1; ; n++ {
		path := filepath.Join(parent, fmt.Sprintf("%s-%d", name, n))
		err := os.Mkdir(path, 0o755)
		if errors.Is(err, fs.ErrExist) && n < 100000 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("make run directory: %w", err)
		}
		d.Path = path
		return d, d.own(path)
	}
}

// makeParents makes what is missing of a path, each directory for the user.
func (d *Directory) makeParents(path string) error {
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return fmt.Errorf("make run directory: %s is no directory", path)
		}
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := d.makeParents(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory for runs: %w", err)
	}
	return d.own(path)
}

func (d *Directory) own(path string) error {
	if d.uid < 0 {
		return nil
	}
	if err := os.Lchown(path, d.uid, d.gid); err != nil {
		return fmt.Errorf("give %s to user %d: %w", path, d.uid, err)
	}
	return nil
}

// File creates a file in the directory.
func (d *Directory) File(name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(d.Path, name), os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create file of run: %w", err)
	}
	if d.uid >= 0 {
		if err := f.Chown(d.uid, d.gid); err != nil {
			f.Close()
			return nil, fmt.Errorf("give %s to user %d: %w", f.Name(), d.uid, err)
		}
	}
	return f, nil
}

// Write creates a file with content.
func (d *Directory) Write(name string, content []byte) error {
	f, err := d.File(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write file of run: %w", err)
	}
	return nil
}

// WriteJSON creates a file with a value, indented.
func (d *Directory) WriteJSON(name string, v any) error {
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return d.Write(name, append(content, '\n'))
}

// Log opens the log of a node for appending.
func (d *Directory) Log(node string) (*os.File, error) { return d.File(node + ".log") }
