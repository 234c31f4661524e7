package main

import (
	"net"
	"strings"
	"testing"
	"time"
)

func TestTheHelpNamesTheIntake(t *testing.T) {
	for _, c := range []struct {
		ip, url string
	}{{"127.0.0.1", "http://127.0.0.1:19391/"}, {"::1", "http://[::1]:19391/"}, {"0.0.0.0", "http://{hostname}:19391/"}, {"::", "http://{hostname}:19391/"}} {
		address := &net.TCPAddr{IP: net.ParseIP(c.ip), Port: 19391}
		for _, log := range []bool{false, true} {
			sections := map[string]int{}
			for _, h := range (intakeHelp{address, log}).OverviewReport(time.Time{}).Help {
				sections[h.Section]++
				if text := h.Text + h.Snippet; strings.Contains(text, "http:") && !strings.Contains(text, c.url) {
					t.Errorf("%s: got %q, expected %s", c.ip, text, c.url)
				}
			}
			if sections["groups"] == 0 || sections["agents"] == 0 || (sections["events"] == 0) != log {
				t.Errorf("%s: help for %v", c.ip, sections)
			}
		}
	}
}
