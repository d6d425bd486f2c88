package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// privateFiles furnishes a node where programs run. They see the host's files
// read-only, without devices; /tmp, /run, /var and /dev are the node's own and
// vanish with it, and take as many bytes in all as the furniture says; /home
// and /root are empty but for what the commands name; /proc shows the node's
// processes.
//
// This takes about three milliseconds, a third of them to list and remake the
// directories of /run and /var, which is why nodes
// without programs go without.
func privateFiles(f furniture) error {
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return &Refused{"mount /proc of a node", err}
	}
	boundProcesses(f.Programs)
	devices := openDevices()
	defer devices.close()
	run, vars := directories("/run"), directories("/var")
	// The mounts that follow are not covered by this (mount_setattr(2), Linux
	// 5.12). Nor is what the agent was given as descriptors.
	readOnly := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &readOnly); err != nil {
		return &Refused{"make the host's files read-only", err}
	}
	users := openShown(f.Named)
	defer closeShown(users)
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	if err := ownDirectories(f.Disk); err != nil {
		return err
	}
	if err := errors.Join(placeShown(users), usualPlaces(), devices.place()); err != nil {
		return err
	}
	remake(append(run, vars...))
	return nil
}

// Bounds of what the files of a node take, in bytes, whatever the scenario
// says, as they are in memory; and of their number, of which each takes about
// as much memory as inodeEach allows for.
const (
	maxDisk   = 1 << 30
	inodeEach = 4 << 10 // bytes of the bound
	minInodes = 4 << 10 // for the directories that are remade
)

// ownDirectories mounts the directories that are the node's own. They share
// one tmpfs, so that one bound is that of all.
func ownDirectories(disk int64) error {
	const stage = "/tmp"
	if disk <= 0 || disk > maxDisk {
		disk = maxDisk
	}
	options := fmt.Sprintf("mode=755,size=%d,nr_inodes=%d", disk, max(minInodes, disk/inodeEach))
	if err := unix.Mount("netlab", stage, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return &Refused{"mount tmpfs", err}
	}
	for _, own := range append(homes(), "/run", "/var", "/dev") {
		if _, err := os.Stat(own); errors.Is(err, fs.ErrNotExist) {
			continue // of homes; without the others usualPlaces fails
		}
		if err := os.Mkdir(stage+own, 0o755); err != nil {
			return fmt.Errorf("furnish node: %w", err)
		}
		if err := unix.Mount(stage+own, own, "", unix.MS_BIND, ""); err != nil {
			return &Refused{"mount tmpfs on " + own, err}
		}
	}
	// At last what is staged on its own place.
	if err := os.Mkdir(stage+stage, 0o777|fs.ModeSticky); err != nil {
		return fmt.Errorf("furnish node: %w", err)
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, stage+stage, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return &Refused{"mount tmpfs on " + stage, err}
	}
	defer unix.Close(fd)
	if err := unix.Unmount(stage, unix.MNT_DETACH); err != nil {
		return &Refused{"mount tmpfs on " + stage, err}
	}
	return attach(fd, stage)
}

// attach mounts at a path what a descriptor holds, a mount that is nowhere
// yet.
func attach(fd int, path string) error {
	err := unix.MoveMount(fd, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_SYMLINKS)
	if err != nil {
		return &Refused{"mount " + path, err}
	}
	return nil
}

// usualPlaces makes what programs expect, whatever the host has.
func usualPlaces() error {
	for _, dir := range []struct {
		path string
		mode fs.FileMode
	}{
		{"/run/lock", 0o777 | fs.ModeSticky}, {"/run/netlab", 0o755}, {"/var/tmp", 0o777 | fs.ModeSticky},
		{"/var/lib", 0o755}, {"/var/log", 0o755}, {"/var/cache", 0o755}, {"/var/spool", 0o755}, {"/var/empty", 0o755},
		{"/dev/pts", 0o755}, {"/dev/shm", 0o777 | fs.ModeSticky},
	} {
		if err := os.Mkdir(dir.path, dir.mode); err != nil {
			return fmt.Errorf("furnish node: %w", err)
		}
	}
	for link, to := range map[string]string{
		"/var/run": "/run", "/var/lock": "/run/lock", "/dev/ptmx": "pts/ptmx", "/dev/fd": "/proc/self/fd",
		"/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(to, link); err != nil {
			return fmt.Errorf("furnish node: %w", err)
		}
	}
	// Programs that want a terminal find out that there is none.
	_ = unix.Mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
	return nil
}

// devices are the harmless ones of the host, by name, each a mount that is
// nowhere yet. All others would be a way out.
type devices map[string]int

func openDevices() devices {
	d := devices{}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		fd, err := unix.OpenTree(unix.AT_FDCWD, "/dev/"+name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			continue // a program that needs it says so
		}
		d[name] = fd
	}
	return d
}

// place mounts the devices. That their mounts are read-only keeps their modes
// and owners, which are the host's; it does not concern what is written to
// the device.
func (d devices) place() error {
	readOnly := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC}
	for name, fd := range d {
		path := "/dev/" + name
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return fmt.Errorf("furnish node: %w", err)
		}
		f.Close()
		if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &readOnly); err != nil {
			return &Refused{"mount " + path, err}
		}
		if err := attach(fd, path); err != nil {
			return err
		}
	}
	return nil
}

func (d devices) close() {
	for _, fd := range d {
		unix.Close(fd)
	}
}

// Bounds of what is taken over from the host.
const (
	mirrorDepth = 2
	mirrorMost  = 500 // directories
)

// A directory that a package has made for its program.
type directory struct {
	path     string
	mode     fs.FileMode
	uid, gid int
}

// directories lists the directories below one, without files: programs look
// for those of their packages (/var/lib/nginx, /run/vsftpd/empty), and what
// lies in them is the host's.
func directories(root string) []directory {
	var list []directory
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil // what cannot be read is not there
		}
		if path == root {
			return nil
		}
		info, err := entry.Info()
		if stat, ok := info.Sys().(*syscall.Stat_t); err == nil && ok {
			list = append(list, directory{path, info.Mode() & (fs.ModePerm | fs.ModeSticky | fs.ModeSetgid), int(stat.Uid), int(stat.Gid)})
		}
		if len(list) >= mirrorMost {
			return fs.SkipAll
		}
		if strings.Count(path[len(root):], "/") >= mirrorDepth {
			return fs.SkipDir
		}
		return nil
	})
	return append(list, promised(root)...)
}

// promised lists the directories that packages have made at every start of
// the system (tmpfiles.d(5)): where that has not run, as in containers, they
// are missing. Only those of root are taken; names of users would have to be
// looked up.
func promised(root string) []directory {
	var list []directory
	paths, _ := filepath.Glob("/usr/lib/tmpfiles.d/*.conf") // the pattern is good
	for _, path := range paths {
		text, _ := os.ReadFile(path) // what cannot be read promises nothing
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 4 || f[0] != "d" && f[0] != "D" || f[3] != "root" && f[3] != "-" {
				continue
			}
			at := strings.Replace(filepath.Clean(f[1]), "/var/run/", "/run/", 1)
			mode, err := strconv.ParseUint(f[2], 8, 12)
			if err == nil && strings.HasPrefix(at, root+"/") && !strings.ContainsRune(at, '%') {
				list = append(list, directory{at, fs.FileMode(mode) & fs.ModePerm, 0, 0})
			}
		}
	}
	return list
}

// remake makes directories, as far as may be: in a user namespace of one user
// all belong to that user.
func remake(list []directory) {
	for _, d := range list {
		if os.Mkdir(d.path, d.mode) != nil {
			if os.MkdirAll(filepath.Dir(d.path), 0o755) != nil || os.Mkdir(d.path, d.mode) != nil {
				continue // is there
			}
		}
		if d.uid != 0 || d.gid != 0 {
			_ = os.Chown(d.path, d.uid, d.gid)
		}
	}
}

// Processes of ours in a node: threads count too.
const ours = 256

// leastPIDs is the least pid_max that the kernel takes (RESERVED_PIDS+1).
const leastPIDs = 301

// boundProcesses has the kernel bound the number of processes and threads of
// the node, where it can: before Linux 6.14 the setting is the whole
// machine's. The agent counts, besides.
func boundProcesses(most int) {
	var name unix.Utsname
	var major, minor int
	if unix.Uname(&name) != nil {
		return
	}
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); err != nil || major < 6 || major == 6 && minor < 14 {
		return
	}
	// Room for the processes that appear before the agent has counted.
	bound := max(2*most, most+1024) + ours
	_ = os.WriteFile("/proc/sys/kernel/pid_max", []byte(strconv.Itoa(max(bound, leastPIDs))), 0o644)
}
