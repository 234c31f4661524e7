// Pushes with prom-client from npm. clients_test.go runs it as:
//
//	node promclient.js URL
//
// It reads commands as JSON from standard input, one per line: the method of
// Pushgateway, its parameters, the options of the gateway, and the value to
// set the metrics to. It answers each command with a line: ok, or the error.
'use strict';

const readline = require('readline');
const client = require('prom-client');

const registry = new client.Registry();
const registers = [registry];
const help = 'What it counts.\nWith "two" lines \\.';
const counter = new client.Counter({ name: 'builds_total', help, labelNames: ['result'], registers });
const gauge = new client.Gauge({ name: 'queue_length', help: 'Length of the queue.', registers });
const histogram = new client.Histogram({ name: 'build_seconds', help: 'Duration of builds.', buckets: [1, 5], registers });
const summary = new client.Summary({ name: 'step_seconds', help: 'Duration of steps.', percentiles: [0.5], registers });

async function main(url) {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { method, params, options, value } = JSON.parse(line);
    if (value !== undefined) {
      registry.resetMetrics();
      counter.inc({ result: 'a "quoted"\n\\ result' }, value);
      gauge.set(value);
      histogram.observe(value);
      summary.observe(value);
    }
    try {
      const { resp } = await new client.Pushgateway(url, options, registry)[method](params);
      console.log(resp.statusCode < 300 ? 'ok' : `status ${resp.statusCode}`);
    } catch (err) {
      console.log(err.message.split('\n')[0]);
    }
  }
}

main(process.argv[2]);
