// Loads the lab when one comes into view, and on its own page at once. Until then, and without JavaScript, a still picture is in its place.
(() => {
  const own = document.currentScript.src;
  const address = new URL(`lab.js${new URL(own).search}`, own); // its version is this script's
  const load = () => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("error", () => {
      const sentence = document.createElement("p");
      sentence.setAttribute("role", "alert");
      sentence.textContent = `The lab cannot be loaded: there is no ${address.pathname.split("/").pop()}.`;
      document.querySelector("weight-lab")?.append(sentence);
    });
    document.head.append(script);
  };
  const start = () => {
    const watcher = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        watcher.disconnect();
        load();
      },
      { rootMargin: "200px" },
    );
    // On its own page at once: a reload may begin far below it, and a screen reader anywhere.
    if (document.querySelector("weight-lab[own-address]")) load();
    else for (const lab of document.querySelectorAll("weight-lab")) watcher.observe(lab);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
