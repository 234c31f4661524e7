package webconfig

import "github.com/prometheus/client_golang/prometheus"

// Collector returns the metric about the file of the named listener.
func (f *File) Collector(listener string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "signalbox_web_config_last_reload_successful",
		Help:        "1 if the settings in the listener's web configuration file are in force, 0 if the file was refused and earlier settings are.",
		ConstLabels: prometheus.Labels{"listener": listener},
	}, func() float64 {
		if f.Err() != nil {
			return 0
		}
		return 1
	})
}
