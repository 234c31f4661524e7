package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/signalbox-ci/signalbox/internal/catalog"
)

// schemaVersion is the version of Grafana 10.0. Later versions of Grafana migrate it.
const schemaVersion = 38

// object is a JSON object. Its keys are written in sorted order.
type object = map[string]any

// dataSource returns a reference to the Prometheus data source that the viewer
// selected.
func dataSource() object { return object{"type": "prometheus", "uid": "${datasource}"} }

// json returns the dashboard as Grafana imports or provisions it.
func (d dashboard) json(l *language) ([]byte, error) {
	variables := []object{{
		"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
		"current": object{}, "hide": 0, "includeAll": false, "multi": false, "options": []object{},
		"refresh": 1, "regex": "", "skipUrlSync": false,
	}}
	for _, v := range d.variables {
		rendered, err := v.json(l)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.name, err)
		}
		variables = append(variables, rendered)
	}
	panels, err := d.panels(l)
	if err != nil {
		return nil, err
	}
	annotations, err := d.annotations(l)
	if err != nil {
		return nil, err
	}

	uid, tags := "signalbox-"+d.name, []string{"signalbox", "ci"}
	if l.naming != catalog.Inherited {
		uid += "-" + string(l.naming) // so that Grafana can have the dashboards of both namings
		tags = append(tags, string(l.naming))
	}
	refresh := "30s"
	if d.from != "" {
		refresh = "5m" // queries for long times are expensive
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(object{
		"annotations": object{"list": annotations}, "description": d.description, "editable": true,
		"fiscalYearStartMonth": 0, "graphTooltip": 1, "id": nil,
		"links": []object{{
			"asDropdown": true, "icon": "external link", "includeVars": true, "keepTime": true, "tags": tags,
			"targetBlank": false, "title": "Signalbox", "tooltip": "", "type": "dashboards", "url": "",
		}},
		"panels": panels, "refresh": refresh, "schemaVersion": schemaVersion, "tags": tags,
		"templating": object{"list": variables}, "time": object{"from": cmp.Or(d.from, "now-6h"), "to": "now"},
		"timepicker": object{}, "timezone": "", "title": "Signalbox / " + d.title, "uid": uid,
		"version": 1, "weekStart": "",
	})
	return out.Bytes(), err
}

// json returns the variable. Unless it is single, the viewer may select several values,
// and all are selected at first. Grafana then escapes the values for =~.
func (v variable) json(l *language) (object, error) {
	query, err := l.translateVariable(v.query)
	if err != nil {
		return nil, err
	}
	rendered := object{
		"name": v.name, "label": v.label, "description": v.description, "type": "query",
		"datasource": dataSource(), "definition": query,
		"query":   object{"query": query, "refId": "StandardVariableQuery"},
		"refresh": 2, "regex": "", "sort": 5, "hide": 0, "options": []object{}, "skipUrlSync": false,
		"multi": !v.single, "includeAll": !v.single, "allValue": ".*",
		"current": object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}},
	}
	if v.single {
		rendered["current"] = object{}
	}
	if v.single || v.listed {
		rendered["allValue"] = ""
	}
	return rendered, nil
}

// annotations returns annotations that mark restarts at the start time that the process
// reports, not at the time of the first scrape.
func (d dashboard) annotations(l *language) ([]object, error) {
	expr, _, err := l.translate(`process_start_time_seconds * 1000 and on (instance, job) signalbox_build_info`)
	if err != nil {
		return nil, err
	}
	return []object{
		{
			"builtIn": 1, "datasource": object{"type": "grafana", "uid": "-- Grafana --"}, "enable": true, "hide": true,
			"iconColor": "rgba(0, 211, 255, 1)", "name": "Annotations & Alerts", "type": "dashboard",
		},
		{
			"datasource": dataSource(), "enable": true, "hide": false, "iconColor": "purple", "name": "Restarts",
			"expr": expr, "step": "60s", "tagKeys": "instance", "titleFormat": "{{instance}} started",
			"textFormat": "", "useValueForTime": true,
		},
	}, nil
}

// panels returns the panels of all rows, laid out on Grafana's 24 columns.
func (d dashboard) panels(l *language) ([]object, error) {
	const columns = 24
	panels := []object{}
	y := 0
	for _, r := range d.rows {
		panels = append(panels, object{
			"id": len(panels) + 1, "type": "row", "title": r.title, "collapsed": false, "panels": []object{},
			"gridPos": object{"h": 1, "w": columns, "x": 0, "y": y},
		})
		y++
		x, lineHeight := 0, 0
		for _, p := range r.panels {
			if x+p.width > columns {
				x, y, lineHeight = 0, y+lineHeight, 0
			}
			rendered, err := p.json(l)
			if err != nil {
				return nil, fmt.Errorf("panel %s: %w", p.title, err)
			}
			rendered["id"] = len(panels) + 1
			rendered["gridPos"] = object{"h": p.height, "w": p.width, "x": x, "y": y}
			panels = append(panels, rendered)
			x, lineHeight = x+p.width, max(lineHeight, p.height)
		}
		y += lineHeight
	}
	return panels, nil
}

func (p panel) json(l *language) (object, error) {
	targets := []object{}
	for i, q := range p.queries {
		expr, t, err := l.translate(q.expr)
		if err != nil {
			return nil, err
		}
		instant := p.kind == "stat" || p.kind == "bargauge" || p.kind == "table"
		format := "time_series"
		switch p.kind {
		case "table":
			format = "table"
		case "heatmap":
			format = "heatmap"
		}
		targets = append(targets, object{
			"datasource": dataSource(), "editorMode": "code", "expr": expr, "legendFormat": t.legend(q.legend),
			"refId": string(rune('A' + i)), "instant": instant, "range": !instant, "format": format,
		})
	}
	rendered := object{
		"type": p.kind, "title": p.title, "description": p.description, "datasource": dataSource(),
		"targets":     targets,
		"fieldConfig": object{"defaults": p.defaults(), "overrides": p.overrides()},
		"options":     p.options(),
	}
	if p.kind == "table" {
		rendered["transformations"] = p.transformations()
	}
	return rendered, nil
}

// defaults returns how the panel shows values.
func (p panel) defaults() object {
	steps := []object{{"color": green, "value": nil}}
	if len(p.thresholds) > 0 {
		steps = nil
	}
	for i, t := range p.thresholds {
		step := object{"color": t.color, "value": t.value}
		if i == 0 {
			step["value"] = nil
		}
		steps = append(steps, step)
	}
	d := object{
		"unit": p.unit, "mappings": p.valueMappings(), "thresholds": object{"mode": "absolute", "steps": steps},
		"color": object{"mode": "palette-classic"},
	}
	if p.unit != "dateTimeFromNow" && p.kind != "table" {
		d["min"] = 0
	}
	if p.max > 0 {
		d["max"] = p.max
	}
	switch p.kind {
	case "timeseries":
		custom := object{
			"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 10,
			"showPoints": "never", "spanNulls": false, "axisPlacement": "auto",
			"stacking": object{"group": "A", "mode": "none"}, "thresholdsStyle": object{"mode": "off"},
		}
		if p.stack {
			custom["fillOpacity"], custom["stacking"] = 40, object{"group": "A", "mode": "normal"}
		}
		if len(p.thresholds) > 0 {
			custom["thresholdsStyle"] = object{"mode": "dashed"}
		}
		d["custom"] = custom
	case "stat":
		d["noValue"] = "–" // shown, for example, in an hour without builds
		d["color"] = object{"mode": "thresholds"}
	case "bargauge", "state-timeline":
		d["color"] = object{"mode": "thresholds"}
	case "table":
		d["custom"] = object{"align": "auto", "cellOptions": object{"type": "auto"}, "filterable": true}
	}
	if p.kind == "state-timeline" {
		d["custom"] = object{"fillOpacity": 70, "lineWidth": 0, "spanNulls": false}
	}
	return d
}

func (p panel) valueMappings() []object {
	mappings := []object{}
	for i, m := range p.mappings {
		mappings = append(mappings, object{
			"type":    "value",
			"options": object{m.value: object{"text": m.text, "color": m.color, "index": i}},
		})
	}
	return mappings
}

// overrides returns the units and maximum values of a table's columns.
func (p panel) overrides() []object {
	overrides := []object{}
	for _, c := range p.columns {
		if c.unit == "" {
			continue
		}
		properties := []object{{"id": "unit", "value": c.unit}}
		if c.max > 0 {
			properties = append(properties,
				object{"id": "max", "value": c.max}, object{"id": "min", "value": 0},
				object{"id": "custom.cellOptions", "value": object{"type": "gauge", "mode": "basic"}})
		}
		overrides = append(overrides, object{
			"matcher":    object{"id": "byName", "options": c.title},
			"properties": properties,
		})
	}
	return overrides
}

// transformations returns the transformations that merge the queries of a table and
// select its columns.
func (p panel) transformations() []object {
	rename, order, hide := object{}, object{}, object{"Time": true, "Value": true}
	for i, c := range p.columns {
		rename[c.field], order[c.field] = c.title, i
		delete(hide, c.field)
	}
	return []object{
		{"id": "merge", "options": object{}},
		{"id": "organize", "options": object{"excludeByName": hide, "indexByName": order, "renameByName": rename}},
	}
}

func (p panel) options() object {
	reduce := object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}
	switch p.kind {
	case "stat":
		return object{
			"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
			"reduceOptions": reduce, "textMode": "auto",
		}
	case "bargauge":
		return object{
			"displayMode": "basic", "orientation": "horizontal", "showUnfilled": true, "minVizWidth": 8, "minVizHeight": 16,
			"valueMode": "color", "reduceOptions": reduce,
		}
	case "table":
		return object{
			"cellHeight": "sm", "showHeader": true, "footer": object{"show": false},
			"sortBy": []object{{"displayName": p.sortBy, "desc": true}},
		}
	case "heatmap":
		return object{
			"calculate": false, "cellGap": 1, "cellValues": object{"unit": "short"},
			"color":        object{"mode": "scheme", "scheme": "Oranges", "scale": "exponential", "exponent": 0.5, "steps": 64, "fill": "dark-orange", "reverse": false},
			"filterValues": object{"le": 1e-9}, "rowsFrame": object{"layout": "auto"}, "legend": object{"show": true},
			"tooltip": object{"show": true, "yHistogram": false}, "yAxis": object{"axisPlacement": "left", "reverse": false, "unit": p.unit},
			"exemplars": object{"color": "rgba(255,0,255,0.7)"}, "showValue": "never",
		}
	case "state-timeline":
		return object{
			"alignValue": "left", "mergeValues": true, "rowHeight": 0.9, "showValue": "auto",
			"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true},
			"tooltip": object{"mode": "single", "sort": "none"},
		}
	}
	legend := object{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}}
	for _, q := range p.queries {
		if strings.Contains(q.legend, "{{") {
			legend["displayMode"], legend["calcs"] = "table", []string{"mean", "max", "lastNotNull"}
		}
	}
	return object{"legend": legend, "tooltip": object{"mode": "multi", "sort": "desc"}}
}
