// Drives one Chromium for the tests: commands come as JSON lines on stdin, answers go as JSON lines to stdout.
import {createInterface} from 'node:readline';
import puppeteer from 'puppeteer-core';

const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM, headless: true, args: flags, timeout: 60000, protocolTimeout: 60000,
});
const pages = new Map();
let last = 0;

const commands = {
  async open({url, before}) {
    const context = await browser.createBrowserContext();
    const id = ++last;
    pages.set(id, {context, page: await tab(context, before), before});
    await pages.get(id).page.goto(url, {waitUntil: 'load'});
    return id;
  },
  async goto({id, url}) {
    await pages.get(id).page.goto(url, {waitUntil: 'load'});
  },
  // A second tab of the same visitor in place of the first, which is closed as a person closes it.
  async reopen({id, url}) {
    const seat = pages.get(id);
    const old = seat.page;
    seat.page = await tab(seat.context, seat.before, old.told);
    await old.close({runBeforeUnload: true});
    await seat.page.goto(url, {waitUntil: 'load'});
  },
  async run({id, script}) {
    return await pages.get(id).page.evaluate(`(async () => {${script}\n})()`) ?? null;
  },
  async click({id, selector}) {
    await pages.get(id).page.click(selector);
  },
  async wait({id, condition}) {
    await pages.get(id).page.waitForFunction(condition, {timeout: 30000, polling: 50});
  },
  async offline({id, offline}) {
    await pages.get(id).page.setOfflineMode(offline);
  },
  async told({id}) {
    return pages.get(id).page.told;
  },
  async cookies({id}) {
    return await pages.get(id).context.cookies();
  },
  // The tab is closed as a person closes it, so the page's last words are sent; its context stays until `close`.
  async leave({id}) {
    await pages.get(id).page.close({runBeforeUnload: true});
  },
  async close({id}) {
    await pages.get(id).context.close();
    pages.delete(id);
  },
};

async function tab(context, before, told = {errors: [], requests: []}) {
  const page = await context.newPage();
  page.told = told;
  page.on('console', (message) => {
    if (message.type() === 'error') told.errors.push(`${message.text()} ${message.location().url ?? ''}`.trim());
  });
  page.on('pageerror', (problem) => told.errors.push(String(problem)));
  page.on('request', (request) => {
    const kept = {method: request.method(), url: request.url(), type: request.resourceType(), headers: request.headers()};
    told.requests.push({...kept, body: request.postData() ?? null});
  });
  if (before) await page.evaluateOnNewDocument(before);
  return page;
}

console.log(JSON.stringify({result: await browser.version()}));
for await (const line of createInterface({input: process.stdin})) {
  const {command, ...parameters} = JSON.parse(line);
  try {
    console.log(JSON.stringify({result: (await commands[command](parameters)) ?? null}));
  } catch (problem) {
    console.log(JSON.stringify({error: String(problem)}));
  }
}
await browser.close();
