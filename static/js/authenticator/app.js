// The phone app's page: shows what is asked, and sends what the person says to it.

const { HOME, accounts, remove, call, connect, code } = self.countersign;
const at = (id) => document.getElementById(id);
const words = at("words").dataset;
const PATIENCE = 8000; // milliseconds: where no push service can be reached, subscribing never ends

let mine = [];
let asked = null; // { account, question, until }
let timer = 0;
let looking = false;

// Views ------------------------------------------------------------------------------------
function view(name) {
  for (const each of document.querySelectorAll("#app > section")) each.hidden = each.id !== `view-${name}`;
  say("");
  const heading = document.querySelector(`#view-${name} h1:not([hidden] *)`);
  document.title = `${heading.innerText} · ${words.service}`;
  heading.focus({ preventScroll: true });
}
const shown = () => document.querySelector("#app > section:not([hidden])")?.id.slice("view-".length);

function say(problem) {
  at("problem").hidden = !problem;
  at("problem").lastElementChild.textContent = problem;
}

function fill(root, facts) {
  for (const [name, value] of Object.entries(facts))
    for (const place of root.querySelectorAll(`[data-fact="${name}"]`)) place.textContent = value;
}

function only(root, when) {
  for (const part of root.querySelectorAll("[data-when]")) part.hidden = !when.includes(part.dataset.when);
}

async function home() {
  mine = await accounts();
  if (!mine.length) return start();
  const list = at("accounts");
  list.replaceChildren();
  for (const account of mine) {
    const item = at("account").content.cloneNode(true).firstElementChild;
    fill(item, account);
    item.dataset.id = account.id;
    item.querySelector("[data-act=remove]").addEventListener("click", () => forget(account));
    list.append(item);
  }
  await tick();
  at("notify").hidden = !("Notification" in self && "PushManager" in self) || Notification.permission !== "default";
  view("home");
}

function start(given = "") {
  at("setup-code").value = given;
  at("back").hidden = !mine.length;
  // There an app on the home screen keeps its own keys, apart from the browser's.
  const apple = /iPhone|iPad/.test(navigator.userAgent) && !navigator.standalone;
  at("install").hidden = !apple;
  view("start");
}

async function forget(account) {
  await remove(account.id);
  await home();
}

async function tick() {
  for (const account of mine) {
    const item = document.querySelector(`[data-id="${account.id}"]`);
    if (!item) continue;
    const now = await code(account);
    fill(item, { code: `${now.code.slice(0, 3)} ${now.code.slice(3)}` });
    item.querySelector("meter").value = now.left;
  }
  if (asked && shown() === "question") {
    const left = Math.round((asked.until - Date.now()) / 1000);
    fill(at("view-question"), { left: `${Math.max(0, left)} s` });
    if (left <= 0) result("late");
  }
}

// Being asked ------------------------------------------------------------------------------
async function look() {
  clearTimeout(timer);
  if (looking) return;
  looking = true;
  let again = 5;
  for (const account of mine) {
    try {
      const said = await call(account, "look", {});
      again = Math.min(again, said.again);
      if (said.question && said.question.id !== asked?.question.id) ask(account, said.question);
    } catch (error) {
      // The key stays until somebody throws it away: what was said may be wrong, and keys don't come back.
      if (error.gone) say(words.gone);
    }
  }
  looking = false;
  if (document.visibilityState === "visible") timer = setTimeout(look, again * 1000);
}

function ask(account, question) {
  asked = { account, question, until: Date.now() + question.left * 1000 };
  const place = at("view-question");
  const time = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short" });
  fill(place, {
    application: question.application,
    account: account.account,
    browser: [question.browser, question.system].filter(Boolean).join(` ${words.on} `) || "?",
    address: question.address,
    time: time.format(new Date(question.asked_at)),
    left: `${question.left} s`,
  });
  only(place, [question.near ? "near" : "far", question.setting_up ? "setup" : "sign-in"]);
  at("report").hidden = question.setting_up;
  at("number").value = "";
  view("question");
}

async function answer(said, number = "") {
  const { account, question } = asked;
  try {
    const { counted } = await call(account, "answer", { request: question.id, answer: said, number });
    // A phone that was not set up has nothing to keep; one that was, says where to wake it.
    if (question.setting_up && counted !== "approved") await remove(account.id);
    if (counted === "approved" && self.Notification?.permission === "granted") subscribe().catch(() => {});
    result(counted);
  } catch (error) {
    say(error.said ? error.message : words.away);
  }
}

function result(outcome) {
  only(at("view-result"), [outcome]);
  view("result");
}

// Being woken ------------------------------------------------------------------------------
const within = (promise, time) =>
  Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error("late")), time))]);

async function subscribe() {
  const registration = await navigator.serviceWorker.ready;
  const options = { userVisibleOnly: true, applicationServerKey: at("app").dataset.vapid };
  const made = (await within(registration.pushManager.subscribe(options), PATIENCE)).toJSON();
  for (const account of mine)
    await call(account, "wake", { endpoint: made.endpoint, key: made.keys.p256dh, auth: made.keys.auth });
}

async function notify() {
  at("notify").hidden = true;
  try {
    if ((await Notification.requestPermission()) !== "granted") throw new Error("refused");
    await subscribe();
  } catch {
    at("no-notify").hidden = false;
  }
}

// Beginning --------------------------------------------------------------------------------
async function set_up(event) {
  event.preventDefault();
  const button = at("connect").querySelector("[type=submit]");
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  say("");
  try {
    await connect(at("setup-code").value, "");
    history.replaceState(null, "", HOME);
    await home();
    await look();
  } catch (error) {
    say(error.said ? error.message : words.away);
  }
  button.ariaBusy = null;
}

async function begin() {
  if (!self.crypto?.subtle || !self.indexedDB) return view("unable");
  try {
    mine = await accounts();
  } catch {
    return view("unable");
  }
  navigator.serviceWorker?.register(`${HOME}worker.js`, { scope: HOME }).catch(() => {});
  navigator.serviceWorker?.addEventListener("message", look);
  const given = location.hash.slice(1);
  await (given ? start(given) : home());
  if (mine.length && self.Notification?.permission === "granted") subscribe().catch(() => {});
  setInterval(tick, 1000);
  await look();
}

at("connect").addEventListener("submit", set_up);
at("approve").addEventListener("submit", (event) => {
  event.preventDefault();
  answer("approved", at("number").value);
});
at("deny").addEventListener("click", () => answer("denied"));
at("report").addEventListener("click", () => view("report"));
at("report-yes").addEventListener("click", () => answer("fraud"));
at("report-no").addEventListener("click", () => view("question"));
at("done").addEventListener("click", home);
at("more").addEventListener("click", () => start());
at("back").addEventListener("click", home);
at("notify").addEventListener("click", notify);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
addEventListener("hashchange", () => location.hash && start(location.hash.slice(1)));
begin();
