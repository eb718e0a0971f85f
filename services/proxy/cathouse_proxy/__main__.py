from cathouse_kit.cli import run_service_command

if __name__ == "__main__":
    run_service_command("cathouse_proxy")
