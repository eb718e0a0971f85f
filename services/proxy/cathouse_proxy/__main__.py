from cathouse_kit.cli import run_service_command

from cathouse_proxy.commands import COMMANDS

if __name__ == "__main__":
    run_service_command("cathouse_proxy", COMMANDS)
