package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// findPushgateway returns the path of Debian's Pushgateway. If none is installed, it
// downloads and extracts the package without installing it. To measure another version,
// put it on PATH as prometheus-pushgateway.
func findPushgateway(ctx context.Context, dir string) (string, error) {
	const name = "prometheus-pushgateway"
	if program, err := exec.LookPath(name); err == nil {
		return program, nil
	}

	run := func(name string, args ...string) error {
		command := exec.CommandContext(ctx, name, args...)
		command.Dir = dir
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", command, err, output)
		}
		return nil
	}
	if err := run("apt-get", "download", name); err != nil {
		// The package lists may be missing.
		if err := errors.Join(run("apt-get", "update"), run("apt-get", "download", name)); err != nil {
			return "", err
		}
	}
	packages, err := filepath.Glob(filepath.Join(dir, name+"_*.deb"))
	if err != nil {
		return "", err
	}
	if len(packages) != 1 {
		return "", fmt.Errorf("apt-get download %s: got the files %q, expected one", name, packages)
	}
	return filepath.Join(dir, "usr/bin", name), run("dpkg", "-x", packages[0], dir)
}

// startFilledPushgateway starts a Pushgateway that holds groups. With its consistency
// check, a Pushgateway gathers all groups on every push, so filling it would take
// hours. So it is filled with the check disabled, and then restarted from its file with
// the check enabled.
func startFilledPushgateway(ctx context.Context, dir, program string, groups int) (*daemon, error) {
	file := filepath.Join(dir, fmt.Sprintf("pushgateway-groups-%d", groups))
	filler, err := startPushgateway(ctx, program, file, "--push.disable-consistency-check")
	if err != nil {
		return nil, err
	}
	err = fillGroups(ctx, filler, groups)
	// The Pushgateway writes its file when it exits.
	if err := errors.Join(err, filler.stop()); err != nil {
		return nil, err
	}
	return startPushgateway(ctx, program, file)
}

func startPushgateway(ctx context.Context, program, file string, flags ...string) (*daemon, error) {
	version, err := exec.CommandContext(ctx, program, "--version").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", program, err)
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return startDaemon(ctx, pushgatewayName(string(version)), address, program, append([]string{
		"--web.listen-address=" + address, "--persistence.file=" + file, "--log.level=error"}, flags...)...)
}

// pushgatewayName converts "pushgateway, version 1.5.1 (branch: …" to "Pushgateway
// 1.5.1".
func pushgatewayName(version string) string {
	if fields := strings.Fields(version); len(fields) > 2 {
		return "Pushgateway " + fields[2]
	}
	return "Pushgateway"
}
