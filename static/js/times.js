// Shows moments in the person's own time zone and way of writing; without scripts they are in UTC.
const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium" });

for (const time of document.querySelectorAll("time[datetime]")) {
  const way = time.textContent.includes(":") ? format : day;
  time.textContent = way.format(new Date(time.dateTime));
  time.removeAttribute("dir"); // now it is text of the page's language
}
