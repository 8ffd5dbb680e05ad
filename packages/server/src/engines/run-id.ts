/** What a run's id may be: it becomes a file's name, a control group's and a container's. */
export const runIdForm = /^[a-z0-9-]{1,63}$/;
