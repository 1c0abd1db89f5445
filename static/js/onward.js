// Goes on from the sign-out page when its frames have loaded, or when one of them takes too long.
const LONGEST = 4000; // milliseconds

const onward = document.getElementById("onward").href;
let gone = false;

function go() {
  if (!gone) location.replace(onward);
  gone = true;
}

if (document.readyState === "complete") go();
window.addEventListener("load", go);
setTimeout(go, LONGEST);
