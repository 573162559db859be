<#
Installs flavor, one executable file, for this user:

  irm https://.../install.ps1 | iex

  $env:FLAVOR_INSTALL  where it goes; by default %LOCALAPPDATA%\Programs\flavor

What is fetched has to have the SHA-256 that stands in this script. Where openssl knows Ed25519, as with Git for Windows,
the signature of the list of digests is checked as well. Nothing is changed before.
#>
& {
  $ErrorActionPreference = 'Stop'
  $ProgressPreference = 'SilentlyContinue'

  # Filled in by scripts/release.ts
  $version = ''
  $releases = ''
  $key = ''
  $digests = ''

  if (-not $version) { throw 'flavor: this script is not from a release' }
  # For tests, which have releases of their own on this machine.
  if ($env:FLAVOR_RELEASES_URL) {
    if ($env:FLAVOR_RELEASES_URL -notmatch '^http://127\.0\.0\.1:') { throw 'flavor: FLAVOR_RELEASES_URL may only name http://127.0.0.1' }
    $releases = $env:FLAVOR_RELEASES_URL
  }
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
  $machine = [Environment]::GetEnvironmentVariable('PROCESSOR_ARCHITECTURE', 'Machine')
  $arch = switch ($machine) {
    'AMD64' { 'amd64' }
    'ARM64' { 'arm64' }
    default { throw "flavor: there is no flavor for $machine" }
  }
  $name = "flavor-windows_$arch.exe"
  $base = "$releases/download/v$version"
  $directory = if ($env:FLAVOR_INSTALL) { $env:FLAVOR_INSTALL } else { Join-Path $env:LOCALAPPDATA 'Programs\flavor' }
  New-Item -ItemType Directory -Force -Path $directory | Out-Null
  $work = Join-Path $directory ".flavor-install.$PID"
  New-Item -ItemType Directory -Force -Path $work | Out-Null
  try {
    $expected = $null
    foreach ($line in $digests -split "`n") {
      $parts = $line.Trim() -split '  ', 2
      if ($parts.Count -eq 2 -and $parts[1] -eq $name) { $expected = $parts[0] }
    }
    if (-not $expected) { throw "flavor: flavor $version has no $name" }

    $openssl = Get-Command openssl -ErrorAction SilentlyContinue
    if ($openssl -and ((& $openssl version) -match '^OpenSSL 3')) {
      $sums = Join-Path $work 'sums'
      Invoke-WebRequest -UseBasicParsing "$base/SHA256SUMS" -OutFile $sums
      Invoke-WebRequest -UseBasicParsing "$base/SHA256SUMS.sig" -OutFile "$sums.sig"
      Set-Content -Path "$work\key.pem" -Value $key -Encoding Ascii
      & $openssl pkeyutl -verify -pubin -inkey "$work\key.pem" -rawin -in $sums -sigfile "$sums.sig" | Out-Null
      if ($LASTEXITCODE -ne 0) { throw "flavor: SHA256SUMS is not signed by the key of flavor's releases; nothing was installed" }
      if (-not (Select-String -Path $sums -SimpleMatch "$expected  $name" -Quiet)) {
        throw "flavor: SHA256SUMS is not that of flavor $version; nothing was installed"
      }
    }

    $file = Join-Path $work 'flavor.exe'
    Write-Host "flavor: fetching $name $version"
    Invoke-WebRequest -UseBasicParsing "$base/$name" -OutFile $file
    $actual = (Get-FileHash -Algorithm SHA256 $file).Hash.ToLowerInvariant()
    if ($actual -ne $expected) { throw "flavor: $name has the SHA-256 $actual, expected $expected; nothing was installed" }
    $said = & $file --version
    if ($LASTEXITCODE -ne 0 -or $said -ne "flavor $version") { throw "flavor: $name does not start here; nothing was installed" }
    $target = Join-Path $directory 'flavor.exe'
    # A program that runs can be renamed, but not replaced.
    if (Test-Path $target) {
      Remove-Item "$target.old" -Force -ErrorAction SilentlyContinue
      Move-Item $target "$target.old" -Force
    }
    Move-Item $file $target
    Remove-Item "$target.old" -Force -ErrorAction SilentlyContinue
    Write-Host "flavor: installed $target $version"
    if (($env:PATH -split ';') -notcontains $directory) {
      Write-Host "flavor: $directory is not in PATH; add it in the system's settings"
    }
  } finally {
    Remove-Item -Recurse -Force $work -ErrorAction SilentlyContinue
  }
}
