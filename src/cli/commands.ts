import type { CommandTree } from "./context.ts";

/** Every command, in the order of the help. Each is loaded when it runs, so that the others cost no start-up time. */
export const COMMANDS: CommandTree = {
  up: { summary: "upload files", load: async () => (await import("./commands/up.ts")).up },
  resume: {
    summary: "go on with interrupted uploads",
    load: async () => (await import("./commands/resume.ts")).resume,
  },
  history: {
    summary: "list the uploads made from this machine",
    load: async () => (await import("./commands/history.ts")).history,
  },
  account: {
    summary: "accounts and their credentials",
    commands: {
      add: {
        summary: "add an account to the configuration",
        load: async () => (await import("./commands/account-add.ts")).accountAdd,
      },
      list: {
        summary: "list the accounts",
        load: async () => (await import("./commands/account-list.ts")).accountList,
      },
      remove: {
        summary: "remove an account from the configuration",
        load: async () => (await import("./commands/account-remove.ts")).accountRemove,
      },
      check: {
        summary: "log in and show what the host says",
        load: async () => (await import("./commands/account-check.ts")).accountCheck,
      },
      pause: {
        summary: "start no more uploads to an account",
        load: async () => (await import("./commands/account-pause.ts")).accountPause,
      },
      resume: {
        summary: "go on with an account that was paused or refused",
        load: async () => (await import("./commands/account-resume.ts")).accountResume,
      },
      captcha: {
        summary: "solve an account's captcha ahead of time",
        load: async () => (await import("./commands/account-captcha.ts")).accountCaptcha,
      },
    },
  },
  ls: { summary: "list what stands on a host", load: async () => (await import("./commands/ls.ts")).ls },
  mkdir: { summary: "make folders on a host", load: async () => (await import("./commands/mkdir.ts")).mkdir },
  mv: {
    summary: "move or rename files and folders on a host",
    load: async () => (await import("./commands/mv.ts")).mv,
  },
  rm: { summary: "delete files and folders on a host", load: async () => (await import("./commands/rm.ts")).rm },
  about: {
    summary: "how much stands in an account or a folder",
    load: async () => (await import("./commands/about.ts")).about,
  },
  jobs: {
    summary: "uploads on a running server",
    commands: {
      add: {
        summary: "queue uploads on a server",
        load: async () => (await import("./commands/jobs-add.ts")).jobsAdd,
      },
      list: {
        summary: "list the jobs of a server",
        load: async () => (await import("./commands/jobs-list.ts")).jobsList,
      },
      show: {
        summary: "show jobs of a server",
        load: async () => (await import("./commands/jobs-one.ts")).jobsShow,
      },
      cancel: {
        summary: "end jobs that have not ended",
        load: async () => (await import("./commands/jobs-one.ts")).jobsCancel,
      },
      retry: {
        summary: "queue the failed uploads of jobs again",
        load: async () => (await import("./commands/jobs-one.ts")).jobsRetry,
      },
      watch: {
        summary: "show what a server does, as it does it",
        load: async () => (await import("./commands/jobs-watch.ts")).jobsWatch,
      },
    },
  },
  hooks: {
    summary: "webhooks of other programs",
    commands: {
      list: {
        summary: "show each hook's URL and what to enter in its sender",
        load: async () => (await import("./commands/hooks-list.ts")).hooksList,
      },
      test: {
        summary: "show what a hook makes of a payload; nothing is queued",
        load: async () => (await import("./commands/hooks-test.ts")).hooksTest,
      },
    },
  },
  serve: {
    summary: "take uploads by HTTP and by webhooks of other programs",
    load: async () => (await import("./commands/serve.ts")).serve,
    commands: {
      token: {
        summary: "tokens of the server",
        commands: {
          new: {
            summary: "make one",
            load: async () => (await import("./commands/serve-token-new.ts")).serveTokenNew,
          },
        },
      },
    },
  },
  service: {
    summary: "hoist serve as a service of this machine",
    commands: {
      print: {
        summary: "show the service that install would write",
        load: async () => (await import("./commands/service.ts")).servicePrint,
      },
      install: {
        summary: "make hoist serve a service of this machine",
        load: async () => (await import("./commands/service.ts")).serviceInstall,
      },
      uninstall: {
        summary: "remove what service install has written",
        load: async () => (await import("./commands/service.ts")).serviceUninstall,
      },
    },
  },
  config: {
    summary: "the configuration file",
    commands: {
      path: {
        summary: "print where it is",
        load: async () => (await import("./commands/config.ts")).configPath,
      },
      check: {
        summary: "check it",
        load: async () => (await import("./commands/config.ts")).configCheck,
      },
    },
  },
  sandbox: {
    summary: "both hosts, simulated on this machine",
    load: async () => (await import("./commands/sandbox.ts")).sandbox,
  },
  doctor: {
    summary: "check configuration, credentials, network and disk",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  completions: {
    summary: "print a completion script for a shell",
    load: async () => (await import("./commands/completions.ts")).completions,
  },
  man: { summary: "print the manual page", load: async () => (await import("./commands/man.ts")).man },
  help: { summary: "help on a command or a topic", load: async () => (await import("./commands/help.ts")).help },
};
