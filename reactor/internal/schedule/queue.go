package schedule

// queue is jobs in the order in which they came. It links them by their own fields, so that a
// job that waits costs no memory beside its own.
type queue struct {
	first, last *Job
	length      int
}

// push puts a job behind all others.
func (q *queue) push(j *Job) {
	if j.previous = q.last; q.last == nil {
		q.first = j
	} else {
		q.last.next = j
	}
	q.last = j
	q.length++
}

// remove takes a job out.
func (q *queue) remove(j *Job) {
	if j.previous == nil {
		q.first = j.next
	} else {
		j.previous.next = j.next
	}
	if j.next == nil {
		q.last = j.previous
	} else {
		j.next.previous = j.previous
	}
	j.previous, j.next = nil, nil
	q.length--
}
