// footfall's browser tag.  What it does and how it is set up: docs/browser-tag.md
(() => {
  'use strict';
  const script = document.currentScript || document.querySelector('script[data-key][src*="/tag.js"]');
  const stub = window.footfall;
  if (!script || (stub && stub.loaded)) return;
  const option = (name) => script.getAttribute('data-' + name);
  const on = (target, kind, listener) => target.addEventListener(kind, listener, true);

  const unwilling = navigator.doNotTrack === '1' || navigator.globalPrivacyControl === true;
  if (unwilling && option('respect-dnt') !== 'false') {
    window.footfall = () => {};
    window.footfall.loaded = true;
    return;
  }

  const key = option('key');
  const cookieless = option('cookieless') !== null && option('cookieless') !== 'false';
  const endpoint = option('endpoint') || new URL('/api/v1/events', script.src).href;
  const withHash = option('hash') !== null;
  const place = 'footfall:' + key;
  const MINUTE = 60000;
  const HOUR = 60 * MINUTE;
  const SESSION = 30 * MINUTE;
  const KEPT = 6 * 24 * HOUR; // inside the door's window of duplicates, so that whatever is sent twice counts once
  const EVENTS = 500; // most that wait; the oldest go first
  const CHARACTERS = 500000;
  const BATCH = 50;
  const BEACON = 60000; // browsers take 64 KiB of beacons at once

  // --- what is remembered: one object, in localStorage unless the tag is cookieless or storage is closed to us

  let memory = {queue: []};
  let stored = !cookieless;
  const load = () => {
    if (stored) {
      try {
        memory = JSON.parse(localStorage.getItem(place)) || memory;
      } catch (_) {
        stored = false;
      }
    }
    if (!Array.isArray(memory.queue)) memory.queue = [];
    return memory;
  };
  const save = () => {
    const queue = memory.queue;
    let size = JSON.stringify(queue).length;
    while (queue.length > EVENTS || (size > CHARACTERS && queue.length > 1)) size -= JSON.stringify(queue.shift()).length;
    try {
      if (stored) localStorage.setItem(place, JSON.stringify(memory));
    } catch (_) {
      stored = false;
    }
  };

  const uuid = () => {
    if (crypto.randomUUID) return crypto.randomUUID(); // only on https and localhost
    return '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
      (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16));
  };

  // --- events

  let address; // of the last page view
  const referrer = () => address || document.referrer || undefined;
  let cameFrom = referrer();

  const add = (name, properties, more) => {
    const now = Date.now();
    load();
    const search = new URLSearchParams(location.search);
    const event = {
      name,
      event_id: uuid(),
      event_time: new Date(now).toISOString(),
      user_id: memory.user,
      url: location.href,
      page: location.pathname,
      referrer: cameFrom,
      utm_source: search.get('utm_source') || undefined,
      utm_medium: search.get('utm_medium') || undefined,
      utm_campaign: search.get('utm_campaign') || undefined,
      properties,
      context: {
        title: document.title,
        locale: navigator.language,
        time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        screen: screen.width + 'x' + screen.height,
      },
    };
    if (!cookieless) {
      if (!memory.id) memory.id = uuid();
      if (!memory.session || !(now - memory.seen < SESSION)) memory.session = uuid();
      memory.seen = now;
      event.anonymous_id = memory.id;
      event.session_id = memory.session;
    }
    try {
      memory.queue.push(JSON.parse(JSON.stringify(Object.assign(event, more))));
    } catch (problem) {
      console.warn('footfall: ' + name + ' was not sent, its properties are no JSON', problem);
      return;
    }
    save();
    plan(memory.queue.length < BATCH ? 500 : 0);
  };

  const view = (properties) => {
    cameFrom = referrer();
    address = location.href;
    add('page_view', properties);
  };

  const commands = {
    track: (name, properties) => name && add(String(name), properties),
    page: view,
    identify(user, traits) {
      if (user === undefined || user === null || user === '') return;
      if (load().user && memory.user !== String(user)) commands.reset(); // somebody else at the same device
      memory.user = String(user);
      save();
      add('identify', traits, {identity: 'identify'});
    },
    reset() {
      load();
      delete memory.user;
      delete memory.id;
      delete memory.session;
      save();
    },
  };

  // --- sending: one request at a time; an event leaves the queue when the door has answered for it

  let timer;
  let due;
  let sending;
  let failures = 0;
  let pause = 0; // until when this page holds back by itself; `memory.until` is what the door asked for
  let most = BATCH;

  const plan = (wait) => {
    const time = Math.max(Date.now() + wait, pause, memory.until || 0);
    if (sending || (timer && due <= time)) return;
    clearTimeout(timer);
    due = time;
    timer = setTimeout(flush, time - Date.now());
  };

  const take = (queue, bytes) => {
    const batch = [];
    for (const event of queue.slice(0, most)) {
      bytes -= new Blob([JSON.stringify(event)]).size;
      if (bytes < 0 && batch.length) break;
      batch.push(event);
    }
    return batch;
  };

  const body = (events) => JSON.stringify({key: key || undefined, sent_time: new Date().toISOString(), cookieless, events});

  const forget = (events) => {
    const gone = new Set(events.map((event) => event.event_id));
    load().queue = memory.queue.filter((event) => !gone.has(event.event_id));
    save();
  };

  const flush = async () => {
    timer = 0;
    load();
    const events = take(memory.queue, BEACON);
    if (!events.length || sending) return;
    sending = true;
    let answer;
    try {
      // Text needs no question beforehand; the page's cookies are none of the door's business.
      answer = await fetch(endpoint, {method: 'POST', body: body(events), credentials: 'omit', headers: {'Content-Type': 'text/plain'}});
    } catch (_) {
      answer = {status: 0};
    }
    sending = false;
    const status = answer.status;
    if (status === 413 && events.length > 1) {
      most = events.length >> 1;
      plan(0);
    } else if (status && status < 500 && status !== 408 && status !== 429) {
      if (status >= 400) console.error('footfall: the collector refused ' + events.length + ' events with ' + status);
      failures = pause = 0;
      forget(events);
      if (memory.queue.length) plan(0);
    } else {
      const named = status ? answer.headers.get('Retry-After') : null;
      const wait = named && (Number(named) * 1000 || Date.parse(named) - Date.now());
      if (wait > 0) {
        load().until = Date.now() + Math.min(wait, HOUR);
        save();
      } else pause = Date.now() + Math.min(5 * MINUTE, 1000 * Math.pow(2, failures++)) * (0.5 + Math.random() / 2);
      plan(0);
    }
  };

  // A beacon's answer is never seen: where there is storage its events stay, and the next page sends them again, under the same ids.
  const told = new Set();
  const beacon = () => {
    load();
    let left = BEACON;
    for (let queue; (queue = memory.queue.filter((event) => !told.has(event.event_id))).length && !(memory.until > Date.now()); ) {
      const events = take(queue, left);
      const blob = new Blob([body(events)], {type: 'text/plain'});
      left -= blob.size;
      if (!navigator.sendBeacon || !navigator.sendBeacon(endpoint, blob)) break;
      events.forEach((event) => told.add(event.event_id));
      if (!stored) forget(events);
    }
    clearTimeout(timer);
    timer = 0;
  };

  on(window, 'pagehide', beacon);
  on(document, 'visibilitychange', () => (document.visibilityState === 'hidden' ? beacon() : plan(0)));
  on(window, 'online', () => {
    failures = pause = 0;
    plan(0);
  });

  // --- what is seen without being told

  const where = (url) => (withHash ? url : url.split('#')[0]);
  const moved = () => setTimeout(() => where(location.href) !== where(address || '') && view(), 0); // the title changes after the address
  if (option('page-views') !== 'false') {
    for (const name of ['pushState', 'replaceState']) {
      const original = history[name];
      history[name] = function () {
        const result = original.apply(this, arguments);
        moved();
        return result;
      };
    }
    on(window, 'popstate', moved);
    if (withHash) on(window, 'hashchange', moved);
    on(window, 'pageshow', (event) => event.persisted && view());
  }

  const clicked = (event) => {
    const target = event.target;
    if (!target || !target.closest || event.button > 1) return;
    const marked = target.closest('[data-footfall-event]');
    if (marked && (marked.tagName === 'FORM') === (event.type === 'submit')) {
      const properties = {};
      for (const {name, value} of marked.attributes) {
        if (name.startsWith('data-footfall-') && name !== 'data-footfall-event') properties[name.slice(14).replace(/-/g, '_')] = value;
      }
      add(marked.getAttribute('data-footfall-event'), properties);
      return;
    }
    const link = option('outbound') !== null && event.type !== 'submit' && target.closest('a[href]');
    if (link && /^https?:/.test(link.href) && link.host !== location.host) add('outbound_click', {url: link.href});
  };
  for (const kind of ['click', 'auxclick', 'submit']) on(document, kind, clicked);

  // --- start

  const footfall = (command, ...rest) => {
    if (commands[command]) commands[command](...rest);
    else console.warn('footfall: there is no command ' + command);
  };
  footfall.loaded = true;
  window.footfall = footfall;
  if (load().until > Date.now() + HOUR) delete memory.until; // the clock was set back
  memory.queue = memory.queue.filter((event) => Date.now() - Date.parse(event.event_time) < KEPT);
  save();
  const start = () => {
    if (option('page-views') !== 'false') view();
    for (const call of (stub && stub.queue) || []) footfall(...call);
    if (memory.queue.length) plan(500);
  };
  if (document.prerendering) document.addEventListener('prerenderingchange', start, {once: true});
  else start();
})();
