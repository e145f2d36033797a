// Plays animations of skeletons in a loop, each in its canvas, while the canvas is visible.
function playClips(clips, edges) {
  const agentColour = "#D55E00", targetColour = "#0072B2";
  const visible = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) entry.isIntersecting ? visible.add(entry.target) : visible.delete(entry.target);
  });
  const players = [];
  for (const canvas of document.querySelectorAll("canvas[data-clip]")) {
    const clip = clips[canvas.dataset.clip];
    players.push({ canvas, clip, box: extent(clip) });
    watcher.observe(canvas);
  }

  function extent(clip) {
    const xs = [], ys = [];
    for (const frame of clip.tracks) for (const animal of frame) {
      for (let i = 0; i < animal.length; i += 2) if (animal[i] !== null) { xs.push(animal[i]); ys.push(animal[i + 1]); }
    }
    if (!xs.length) return { x: 0, y: 0, size: 400 };
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    return { x: (left + right) / 2, y: (top + bottom) / 2, size: Math.max(250, right - left, bottom - top) * 1.1 };
  }

  function draw({ canvas, clip, box }, seconds) {
    const context = canvas.getContext("2d"), width = canvas.width, scale = width / box.size;
    const at = Math.floor(seconds * clip.frame_rate) % clip.tracks.length;
    context.fillStyle = "#fafafa";
    context.fillRect(0, 0, width, width);
    clip.tracks[at].forEach((_, who) => {
      const colour = who ? targetColour : agentColour;
      context.strokeStyle = context.fillStyle = colour;
      context.lineCap = "round";
      for (let back = Math.min(at, 10); back >= 0; back -= 5) {
        context.globalAlpha = back ? 0.18 : 1;
        skeleton(context, clip.tracks[at - back][who], box, scale, width / 2);
      }
    });
    context.globalAlpha = 1;
    const share = (frame) => (frame / clip.tracks.length) * width;
    context.fillStyle = "#ddd";
    context.fillRect(0, width - 5, width, 5);
    context.fillStyle = "#777";
    context.fillRect(share(clip.span[0]), width - 5, share(clip.span[1] - clip.span[0]), 5);
    context.fillStyle = "#000";
    context.fillRect(share(at), width - 8, 3, 8);
  }

  function skeleton(context, points, box, scale, middle) {
    const place = (k) => [(points[2 * k] - box.x) * scale + middle, (points[2 * k + 1] - box.y) * scale + middle];
    context.lineWidth = 3;
    for (const [a, b] of edges) {
      if (points[2 * a] === null || points[2 * b] === null) continue;
      context.beginPath();
      context.moveTo(...place(a));
      context.lineTo(...place(b));
      context.stroke();
    }
    for (let k = 0; 2 * k < points.length; k++) {
      if (points[2 * k] === null) continue;
      context.beginPath();
      context.arc(...place(k), k ? 3 : 5.5, 0, 2 * Math.PI);  // the first landmark is the foremost
      context.fill();
    }
  }

  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  function step(now) {
    for (const player of players) if (visible.has(player.canvas)) draw(player, still ? 0 : now / 1000);
    requestAnimationFrame(step);
  }
  requestAnimationFrame(step);
}
