# Shared by scripts/deploy and scripts/teardown: what is there, what a stack says, the hub's commands run inside.
# Sourced after lib.sh, never run.
# shellcheck shell=bash
# Set by whoever sources this: dry, yes, stack, scratch. Used by them: template, account, region.
# shellcheck disable=SC2034,SC2154

# shellcheck disable=SC2154
readonly template="$root/deploy/aws/template.yaml"
# Longer than a task takes to fetch its image, start and apply every migration.
readonly task_deadline_s=900 ready_deadline_s=180

# The template as it is sent: without its comments, for CloudFormation takes 51,200 bytes.
slim_template() {
  sed '/^ *#/d' "$template"
}

check_stack_name() {
  [[ $1 =~ ^[a-z][a-z0-9-]{0,29}$ && $1 != *-- && $1 != *- ]] ||
    die "$1 cannot be a stack's name: small letters, digits and hyphens, at most 30, beginning with a letter"
}

# Tools, account and region, each with what to do where it is missing. Sets account and region.
check_aws() {
  local tool missing=()
  for tool in aws curl; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  ((${#missing[@]} == 0)) || die "missing: ${missing[*]}"
  region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
  [[ -n $region ]] || die 'no region: set AWS_REGION, or run: aws configure'
  export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=''
  account=$(aws sts get-caller-identity --query Account --output text) ||
    die 'AWS does not know you: run aws configure or aws sso login, or set AWS_PROFILE'
}

check_docker() {
  command -v docker >/dev/null || die 'docker is missing: the image is built with it'
  docker version >/dev/null 2>&1 || die 'docker does not answer: is it started, and may you use it?'
}

# Where registries of this partition are.
aws_domain() {
  if [[ $region == cn-* ]]; then printf amazonaws.com.cn; else printf amazonaws.com; fi
}

# The state of a stack; "none" where there is none. Any other failure ends the script.
stack_status() {
  local said
  if said=$(aws cloudformation describe-stacks --stack-name "$1" --query 'Stacks[0].StackStatus' --output text 2>&1); then
    # One that was never executed holds nothing.
    if [[ $said == REVIEW_IN_PROGRESS ]]; then printf none; else printf '%s' "$said"; fi
  elif [[ $said == *'does not exist'* ]]; then
    printf none
  else
    die "AWS does not say how stack $1 is: $said"
  fi
}

# output STACK NAME
output() {
  local said
  said=$(aws cloudformation describe-stacks --stack-name "$1" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue")
  [[ -n $said && $said != None ]] || die "stack $1 has no output $2"
  printf '%s' "$said"
}

json_text() {
  local text=${1//\\/\\\\}
  printf '%s' "${text//\"/\\\"}"
}

# Asks before something is changed, unless told not to.
agree() {
  local answer=''
  [[ -z ${yes:-} ]] || return 0
  [[ -t 0 ]] || die "$1: this would change the stack; say --yes where nobody can be asked"
  read -r -p "Do it? [y/N] " answer
  [[ $answer == [yY]* ]] || die 'nothing more was changed'
}

# What happened to a stack, a line each, the oldest first.
events() {
  aws cloudformation describe-stack-events --stack-name "$1" --max-items 200 --output text \
    --query 'reverse(StackEvents[].[EventId,LogicalResourceId,ResourceStatus,ResourceStatusReason])' 2>/dev/null |
    grep -v '^None$' || true
}

# Prints what happens to a stack until nothing does, beyond what stands in $scratch/events.
follow_stack() {
  local seen="$scratch/events" status deadline=$((SECONDS + 7200))
  touch "$seen"
  while :; do
    status=$(stack_status "$1")
    events "$1" >"$seen.now"
    { grep -vxFf "$seen" "$seen.now" || true; } | cut -f 2- | sed 's/^/   /; s/\tNone$//' >&2
    cat "$seen.now" >>"$seen"
    [[ $status == *_IN_PROGRESS ]] || break
    ((SECONDS < deadline)) || die "stack $1 is still $status after two hours"
    sleep "${HUB_DEPLOY_POLL_S:-5}"
  done
  say "   stack $1: $status"
}

# run_admin COMMAND...: one of the hub's commands as a task of its own; what it says is in $scratch/said. Its log is deleted
# once it was read: a claim code may stand in it.
run_admin() {
  local cluster task id code words
  cluster=$(output "$stack" ClusterName)
  printf -v words '"%s",' "$@"
  task=$(aws ecs run-task --cluster "$cluster" --launch-type FARGATE --task-definition "$(output "$stack" AdminTaskDefinition)" \
    --network-configuration "awsvpcConfiguration={subnets=[$(output "$stack" TaskSubnets)],securityGroups=[$(output "$stack" TaskSecurityGroup)],assignPublicIp=$(output "$stack" TaskPublicAddress)}" \
    --overrides "{\"containerOverrides\":[{\"name\":\"hub\",\"command\":[${words%,}]}]}" \
    --query 'tasks[0].taskArn' --output text)
  [[ -n $task && $task != None ]] || die "no task could be started for hub $*"
  wait_for_task "$cluster" "$task"
  id=${task##*/}
  read_log "admin/hub/$id" >"$scratch/said"
  code=$(aws ecs describe-tasks --cluster "$cluster" --tasks "$task" --query 'tasks[0].containers[0].exitCode' --output text)
  if [[ $code != 0 ]]; then
    sed 's/^/   /' "$scratch/said" >&2
    die "hub $* ended with ${code/None/no answer}: $(aws ecs describe-tasks --cluster "$cluster" --tasks "$task" --query 'tasks[0].stoppedReason' --output text)"
  fi
  # Not what a claim code stands in.
  [[ $1 == claim-code ]] || sed 's/^/   /' "$scratch/said" >&2
}

wait_for_task() {
  local state='' deadline=$((SECONDS + task_deadline_s))
  while :; do
    state=$(aws ecs describe-tasks --cluster "$1" --tasks "$2" --query 'tasks[0].lastStatus' --output text)
    [[ $state != STOPPED ]] || return 0
    ((SECONDS < deadline)) || die "task ${2##*/} is still $state after $task_deadline_s s"
    sleep "${HUB_DEPLOY_POLL_S:-5}"
  done
}

# Lines may come a little after the task has ended; one that said nothing has no stream.
read_log() {
  local group tries=0
  group=$(output "$stack" AdminLogGroup)
  until aws logs get-log-events --log-group-name "$group" --log-stream-name "$1" --start-from-head \
    --query 'events[].[message]' --output text 2>/dev/null | grep . || ((++tries > 5)); do
    sleep "${HUB_DEPLOY_POLL_S:-2}"
  done
  aws logs delete-log-stream --log-group-name "$group" --log-stream-name "$1" 2>/dev/null || true
}
