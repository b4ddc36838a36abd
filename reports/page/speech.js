// One voice at a time: whoever starts to play takes over from the others of its utterance, at the
// same place if asked to, so that a word can be heard from one scheme and then from another.
"use strict";

for (const group of document.querySelectorAll(".utterance")) {
  const players = [...group.querySelectorAll("audio")];
  const aligned = group.querySelector("input[type=checkbox]");
  for (const player of players) {
    player.addEventListener("play", () => {
      const before = players.find((other) => other !== player && !other.paused);
      if (!before) return;
      before.pause();
      if (aligned?.checked) player.currentTime = Math.min(before.currentTime, player.duration || 0);
    });
  }
}
