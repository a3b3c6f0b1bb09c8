/* Draws every BPMN file as SVG beside it. A build-time tool: the SVGs are committed.
 *
 *   npm ci && node draw.cjs
 *
 * The vendored viewer draws, inside jsdom. What comes out is made fit for our pages: looks are
 * attributes, for a strict content policy forbids style attributes; what only a mouse needs is
 * left out; the root carries the checksum of the BPMN file, which tests/drawings.py compares.
 * Shapes keep `data-element-id`, the element's id in the BPMN file. Fails if anything is not drawn.
 */
'use strict';
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { browser } = require('./browser.cjs');

const PROCESSES = path.join(__dirname, '../../workflows/processes');
const VIEWER = path.join(
  __dirname, '../static/vendor/bpmn-js/dist/bpmn-navigated-viewer.production.min.js');
const ELEMENT = /<(?:\w+:)?(?:sequenceFlow|messageFlow|participant|lane|callActivity|subProcess|\w*[tT]ask|\w+Event|\w+Gateway)\s[^>]*?\bid="([^"]+)"/g;

/** Turn the viewer's picture into the file that is committed. */
function tidied(window, picture, checksum) {
  const { documentElement: root } = new window.DOMParser().parseFromString(picture, 'image/svg+xml');
  root.querySelectorAll('.djs-hit, .djs-outline').forEach((element) => element.remove());
  for (const element of root.querySelectorAll('*')) {
    for (const declaration of (element.getAttribute('style') || '').split(';')) {
      const [name, value] = declaration.split(/:(.*)/).map((part) => part?.trim());
      if (name && name !== 'display') element.setAttribute(name, value);
    }
    element.removeAttribute('style');
    element.removeAttribute('lineHeight');
    const moved = element.getAttribute('transform');
    if (moved) element.setAttribute('transform', moved.replace(/-?\d+\.?\d*e-\d+/g, '0'));
  }
  root.setAttribute('data-source-sha256', checksum);
  const text = root.outerHTML.replace(/<g class="djs-group"/g, '\n$&');
  return `<!-- created with bpmn-js / http://bpmn.io -->\n${text}\n`;
}

async function draw(source) {
  const name = path.relative(PROCESSES, source);
  const xml = fs.readFileSync(source, 'utf8');
  const window = browser(name);
  window.eval(fs.readFileSync(VIEWER, 'utf8'));
  const viewer = new window.BpmnJS({ container: window.document.getElementById('canvas') });
  const { warnings } = await viewer.importXML(xml);
  const { svg } = await viewer.saveSVG();
  const drawn = new Set([...svg.matchAll(/data-element-id="([^"]+)"/g)].map((match) => match[1]));
  const lost = [...xml.matchAll(ELEMENT)].map((match) => match[1]).filter((id) => !drawn.has(id));
  const checksum = createHash('sha256').update(xml).digest('hex');
  fs.writeFileSync(source.replace(/\.bpmn$/, '.svg'), tidied(window, svg, checksum));
  window.close();
  console.log(`${name}: ${drawn.size} elements`);
  warnings.forEach((warning) => console.log(`  ${warning.message}`));
  if (lost.length) console.log(`  not drawn: ${lost.join(' ')}`);
  return warnings.length + lost.length;
}

async function main() {
  const files = fs.readdirSync(PROCESSES, { recursive: true })
    .filter((file) => file.endsWith('.bpmn')).sort();
  let faults = 0;
  for (const file of files) faults += await draw(path.join(PROCESSES, file));
  console.log(JSON.stringify({ diagrams: files.length, faults }));
  return faults ? 1 : 0;
}

main().then((status) => { process.exitCode = status; }, (error) => {
  console.error(error.stack);
  process.exitCode = 1;
});
