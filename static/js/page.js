// What every page gains from scripts; each page works without them.
import { guardForms } from "./submit.js";
import { offerReveal } from "./reveal.js";
import { offerCopy } from "./copy.js";
import { offerPrint } from "./print.js";

guardForms(document);
offerReveal(document);
offerCopy(document);
offerPrint(document);
